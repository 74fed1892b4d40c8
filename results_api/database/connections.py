"""Connections to the results database: SQLite on a laptop, PostgreSQL in a company."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from polyvox.errors import Unavailable
from results_api.database import postgres, trouble

BUSY_TIMEOUT_MS = 30_000
POOL_TIMEOUT_S = 30.0
CONNECTIONS = 8


def engine_of(
    url: str, *, connections: int = CONNECTIONS, statement_s: float | None = postgres.STATEMENT_S
) -> AsyncEngine:
    """An engine that connects at its first use, and again after the server was away.

    Args:
        connections: at most so many at a time.
        statement_s: longest time for one statement on PostgreSQL; None: any.

    Raises:
        Fatal: the URL asks for what is not installed.
    """
    pool: dict[str, Any] = {"pool_size": connections, "max_overflow": 0, "pool_timeout": POOL_TIMEOUT_S}
    # Errors end up in logs: what recordings hold and what signs webhooks must not stand in them.
    pool["hide_parameters"] = True
    if not url.startswith(postgres.SCHEME):
        engine = create_async_engine(url, **pool)
        sa.event.listen(engine.sync_engine, "connect", set_up_sqlite)
        return engine
    engine = create_async_engine(postgres.SCHEME, async_creator=postgres.connector(url, statement_s), **pool)
    sa.event.listen(engine.sync_engine, "checkout", postgres.refuse_lost)
    return engine


@contextlib.asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose changes are committed at the end, or not at all.

    On SQLite the transaction begins with its first write, so begin with a write: a read that
    later turns into a write fails when somebody else wrote in between. A Writer has no such rule.

    Raises:
        Unavailable: the database cannot be reached, does not write, is locked for too long or
            out of space, or another transaction stood in the way.
    """
    with translated():
        async with engine.begin() as connection:
            yield connection


@contextlib.asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for queries that need no transaction around them. Raises Unavailable."""
    with translated():
        async with engine.connect() as connection:
            if engine.dialect.name != "sqlite":
                await connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection


def padded(ids: Sequence[str]) -> list[str]:
    """``ids`` for an IN, some of them several times: few lengths make few statements to prepare."""
    length = 1 << (len(ids) - 1).bit_length()
    return [*ids, *[ids[-1]] * (length - len(ids))] if ids else []


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable for what is the database's trouble."""
    try:
        yield
    except DBAPIError as error:
        if not trouble.is_no_fault_of_ours(error):
            raise
        raise Unavailable(f"the results database is in trouble: {error.orig}") from error
    except (PoolTimeout, OSError) as error:
        # TimeoutError is an OSError, and may say nothing by itself.
        raise Unavailable(f"the results database is in trouble: {str(error) or 'no answer in time'}") from error


def set_up_sqlite(connection: Any, _record: Any) -> None:
    """For the event ``connect``."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    # The offsets of what was folded are durable, so what was folded must be as well.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
