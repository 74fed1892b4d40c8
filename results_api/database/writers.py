"""Transactions that read before they write, run whole: one change of threads or tasks each, however many statements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from results_api.database.connections import set_up_sqlite, transaction, translated

T = TypeVar("T")


class Writer(Protocol):
    """Every call raises Unavailable when the database is in trouble."""

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """What ``work`` returns, after its changes are committed; it may run in another thread."""

    async def close(self) -> None: ...


def writer_of(engine: AsyncEngine) -> Writer:
    return SqliteWriter(engine.url) if engine.dialect.name == "sqlite" else PostgresWriter(engine)


class SqliteWriter:
    """A thread with a connection of its own, the only writer from the beginning of each transaction."""

    def __init__(self, url: sa.URL) -> None:
        self._engine = sa.create_engine(url.set(drivername="sqlite"))
        sa.event.listen(self._engine, "connect", set_up_sqlite)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="results-writer")

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        with translated(), self._engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return work(connection)


class PostgresWriter:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        async with transaction(self._engine) as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """The engine is not this writer's."""
