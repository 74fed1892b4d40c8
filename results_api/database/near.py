"""Reading from an SQLite file in the thread that asks, as long as that takes no time.

To look up a row takes less than a tenth of a millisecond, a page of a list one or two. To have it done by another
thread, so that it does not hold up the event loop, takes ten times as much for the row, and several times for the page:
each statement goes there and back, and both threads wait for the interpreter.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

BUSY_TIMEOUT_MS = 20
"""Readers wait for nobody in a file with a write-ahead log, but for a moment while it is put in order."""
HURRY_S = 0.008
"""Of CPU time: queries that are not done by then are left to another thread."""
AWAY_S = 10.0
"""For so long after that all of its kind are. The inside of a full-text index looks at no clock: this bounds how often
the event loop waits for it to the end."""
_STEPS = 1000
"""Of SQLite's between looks at the clock; well below a tenth of a millisecond."""

T = TypeVar("T")


class NearRows:
    """For one thread. Connects at the first call, and again after trouble."""

    def __init__(self, url: sa.URL) -> None:
        self._engine = sa.create_engine(
            url.set(drivername="sqlite"),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.pool.StaticPool,
            hide_parameters=True,
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
        )
        self._connection: sa.Connection | None = None
        self._until_cpu_s = float("inf")
        self._away_until_s: dict[str, float] = {}
        self._tried: set[str] = set()

    def all(self, query: sa.Select[Any], parameters: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Rows by their keys, or None when there was trouble: then the other way finds out which, or waits for its
        end."""
        try:
            return [dict(row) for row in self._connected().execute(query, parameters).mappings()]
        except DBAPIError:
            self.close()
            return None

    def number(self, query: str, key: str) -> int | None:
        """The one number of the one row that ``query`` finds by ``:key``; None when there is none, or trouble."""
        try:
            # Past SQLAlchemy, which takes ten times as long for it as SQLite.
            found = self._connected().connection.driver_connection.execute(query, {"key": key}).fetchone()  # type: ignore[union-attr]
        except (DBAPIError, sqlite3.Error):
            self.close()
            return None
        return None if found is None else int(found[0])

    def read(self, work: Callable[[sa.Connection], T], *, kind: str) -> T | None:
        """What ``work`` makes of its queries; None when it takes too long here, or there was trouble."""
        if time.monotonic() < self._away_until_s.get(kind, 0.0):
            return None
        try:
            connection = self._connected()
            self._until_cpu_s = time.thread_time() + HURRY_S
            return work(connection)
        except DBAPIError:
            if not self._is_late():
                self.close()
            return None
        finally:
            # The first of its kind is put together as well as asked.
            if self._is_late() and kind in self._tried:
                self._away_until_s[kind] = time.monotonic() + AWAY_S
            self._tried.add(kind)
            self._until_cpu_s = float("inf")

    def _connected(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            driver = self._connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.set_progress_handler(self._is_late, _STEPS)
        return self._connection

    def _is_late(self) -> bool:
        # A thread that has to wait for its turn on a busy machine is not late.
        return time.thread_time() >= self._until_cpu_s

    def close(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._engine.dispose()
