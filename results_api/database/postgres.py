"""How to connect to PostgreSQL. Nothing here is needed for SQLite, asyncpg neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy.exc import DisconnectionError

from polyvox.errors import Fatal

SCHEME = "postgresql+asyncpg://"

CONNECT_S = 10.0
STATEMENT_S = 30.0
LOCK_S = 10.0
IDLE_S = 60.0
GRACE_S = 5.0
"""How much longer than the server a client waits: it is the network's turn to fail then."""


def connector(url: str, statement_s: float | None) -> Callable[[], Awaitable[Any]]:
    """What opens one connection of asyncpg.

    The part of ``url`` after the scheme goes to asyncpg as it is: several hosts, ``sslmode``,
    ``sslrootcert`` and server settings mean what they mean to libpq, and go before ours. Of
    several hosts, and after a fail-over, only one that takes writes will do.

    Raises:
        Fatal: asyncpg is not installed.
    """
    try:
        import asyncpg  # type: ignore[import-untyped]
    except ImportError as error:
        raise Fatal(f"PostgreSQL needs one more package: pip install 'polyvox[postgres]' ({error})") from error

    dsn = f"postgresql://{url.removeprefix(SCHEME)}"
    given = parse_qs(urlsplit(dsn).query)
    options: dict[str, Any] = {
        "timeout": CONNECT_S,
        "command_timeout": None if statement_s is None else statement_s + GRACE_S,
        "server_settings": {name: value for name, value in _server_settings(statement_s).items() if name not in given},
    }
    if "target_session_attrs" not in given:
        options["target_session_attrs"] = "read-write"

    async def connect() -> Any:
        return await asyncpg.connect(dsn, **options)

    return connect


def refuse_lost(connection: Any, _record: Any, _fairy: Any) -> None:
    """Keep the pool from handing out a connection whose server is gone, without asking the server.

    Raises DisconnectionError, upon which the pool opens another.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")


def _server_settings(statement_s: float | None) -> dict[str, str]:
    return {
        "application_name": "polyvox",
        "statement_timeout": _ms(statement_s),
        "lock_timeout": _ms(LOCK_S),
        # A process that is stopped in a transaction must not hold its locks for ever.
        "idle_in_transaction_session_timeout": _ms(IDLE_S),
        # Our statements are short: compiling them takes longer than running them.
        "jit": "off",
    }


def _ms(seconds: float | None) -> str:
    return str(int((seconds or 0) * 1000))
