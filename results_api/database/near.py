"""Looking up rows by their keys in an SQLite file, in the thread that asks.

Such a look takes less than a tenth of a millisecond. To have it made by another thread, as queries of any length must
be so that they do not hold up the event loop, takes ten times as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

BUSY_TIMEOUT_MS = 20
"""Readers wait for nobody in a file with a write-ahead log, but for a moment while it is put in order."""


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

    def all(self, query: sa.Select[Any], parameters: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The rows, or None when there was trouble: then the other way finds out which, or waits for its end."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            return [dict(row) for row in self._connection.execute(query, parameters).mappings()]
        except DBAPIError:
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        self._engine.dispose()
