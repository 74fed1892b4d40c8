"""One request at a time for each upload, among those of this process.

Whoever comes asks the one before to end: usually its client has gone, and the server has yet to notice. The one
before keeps what arrived. Requests for one upload in two processes need no turns: they do no harm, see ingest/tus.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ingest.tus import refusals

WITHIN_S = 15.0


class Turn:
    """The right to work on an upload, until somebody else wants it."""

    def __init__(self) -> None:
        self._end: Callable[[], None] | None = None
        self._is_asked = False

    def on_asked(self, end: Callable[[], None]) -> None:
        """``end`` is called when somebody asks for the turn; at once if somebody did already."""
        self._end = end
        if self._is_asked:
            end()

    def ask(self) -> None:
        self._is_asked = True
        if self._end is not None:
            self._end()


class Turns:
    """Turns at uploads, by id."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._locks: dict[str, asyncio.Lock] = {}
        self._holders: dict[str, Turn] = {}
        self._waiting: dict[str, int] = {}

    @asynccontextmanager
    async def take(self, upload_id: str) -> AsyncIterator[Turn]:
        """Raises Problem: 423, the one before does not end within ``within_s``."""
        lock = self._locks.setdefault(upload_id, asyncio.Lock())
        self._waiting[upload_id] = self._waiting.get(upload_id, 0) + 1
        try:
            if upload_id in self._holders:
                self._holders[upload_id].ask()
            try:
                async with asyncio.timeout(self._within_s):
                    await lock.acquire()
            except TimeoutError as error:
                raise refusals.busy() from error
            turn = self._holders[upload_id] = Turn()
            if self._waiting[upload_id] > 1:
                turn.ask()
            try:
                yield turn
            finally:
                del self._holders[upload_id]
                lock.release()
        finally:
            self._waiting[upload_id] -= 1
            if not self._waiting[upload_id]:
                del self._waiting[upload_id], self._locks[upload_id]
