"""The one thread of a log that runs its SQL, so that the event loop never waits for a disk or a lock."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from polyvox.adapters.embedded_log.schema import connect, translated, write

T = TypeVar("T")


class Database:
    """One connection on one thread; opened by the first job."""

    def __init__(self, folder: Path, busy_timeout_s: float) -> None:
        self._folder = folder
        self._busy_timeout_s = busy_timeout_s
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="polyvox-log")

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` returns. Raises Transient and Fatal for trouble with the file."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """``run`` inside one write transaction."""

        def transaction(connection: sqlite3.Connection) -> T:
            with write(connection):
                return work(connection)

        return await self.run(transaction)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        self._executor.shutdown()

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with translated(self._folder):
            if self._connection is None:
                self._connection = connect(self._folder, busy_timeout_s=self._busy_timeout_s)
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
