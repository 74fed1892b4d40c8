"""Connections to the results database: SQLite on a laptop, PostgreSQL in a company."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from polyvox.errors import Unavailable

BUSY_TIMEOUT_MS = 30_000
CONNECTIONS = 8


def engine_of(url: str) -> AsyncEngine:
    """An engine that connects at its first use."""
    engine = create_async_engine(url, pool_size=CONNECTIONS, max_overflow=0)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    return engine


@contextlib.asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose changes are committed at the end, or not at all.

    On SQLite the transaction begins with its first write, so begin with a write: a read that
    later turns into a write fails when somebody else wrote in between.

    Raises:
        Unavailable: the database cannot be reached, is locked for too long or out of space.
    """
    with _translated():
        async with engine.begin() as connection:
            yield connection


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError, ProgrammingError):
        # Not the database's fault; no waiting helps.
        raise
    except (DBAPIError, PoolTimeout, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise Unavailable(f"the results database is in trouble: {cause}") from error


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    # The offsets of what was folded are durable, so what was folded must be as well.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
