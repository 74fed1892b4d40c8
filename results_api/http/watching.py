"""Tells any number of clients about changes of recordings, with one query for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from polyvox.errors import PolyvoxError
from results_api.database.database import Database

log = logging.getLogger(__name__)

POLL_EVERY_S = 0.25


class Watching:
    """Asks the database which of the watched recordings have a new revision.

    A poller runs while anybody watches, and no longer. When ``stopping`` is set it sends all away.
    """

    def __init__(self, database: Database, stopping: asyncio.Event, *, poll_every_s: float = POLL_EVERY_S) -> None:
        self._database = database
        self._stopping = stopping
        self._poll_every_s = poll_every_s
        self._watchers: dict[str, set[Watcher]] = {}
        self._poller: asyncio.Task[None] | None = None

    @property
    def watched(self) -> int:
        """How many watch at this moment."""
        return sum(map(len, self._watchers.values()))

    @contextlib.contextmanager
    def watch(self, media_id: str, revision: int) -> Iterator[Watcher]:
        """A watcher of one recording that knows ``revision`` already."""
        watcher = Watcher(revision)
        self._watchers.setdefault(media_id, set()).add(watcher)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="poller of server-sent events")
        try:
            yield watcher
        finally:
            left = self._watchers[media_id]
            left.discard(watcher)
            if not left:
                del self._watchers[media_id]

    async def close(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    async def _poll(self) -> None:
        try:
            while self._watchers and not self._stopping.is_set():
                await self._ask()
                await asyncio.sleep(self._poll_every_s)
        finally:
            for watchers in self._watchers.values():
                for watcher in watchers:
                    watcher.send_away()

    async def _ask(self) -> None:
        try:
            revisions = await self._database.revisions(tuple(self._watchers))
        except PolyvoxError as error:
            log.warning("there is no news to send: %s", error)
            return
        for media_id, revision in revisions.items():
            for watcher in self._watchers.get(media_id, ()):
                watcher.tell(revision)


class Watcher:
    """Keeps the latest revision only: who is slow misses steps in between, never the last one."""

    def __init__(self, revision: int) -> None:
        self._revision = revision
        self._news = asyncio.Event()
        self._sent_away = False

    def tell(self, revision: int) -> None:
        if revision > self._revision:
            self._revision = revision
            self._news.set()

    def send_away(self) -> None:
        self._sent_away = True
        self._news.set()

    async def news(self) -> bool:
        """Wait for a new revision; False when it is time to go."""
        await self._news.wait()
        self._news.clear()
        return not self._sent_away
