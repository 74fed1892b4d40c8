"""Waiting for sidecars that arrive shortly after their objects."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from datetime import datetime

from ingest.bucket.found import Found
from ingest.bucket.watches import SIDECAR, Watch
from polyvox.ports import Clock

Name = tuple[str | None, str]


class Sidecars:
    """Where objects wait until their time has come, or somebody tells that their sidecar is there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: defaultdict[Name, set[asyncio.Event]] = defaultdict(set)

    def arrived(self, bucket: str | None, key: str) -> None:
        """``key`` is that of a sidecar."""
        for event in self._waiting.get((bucket, key.removesuffix(SIDECAR)), ()):
            event.set()

    async def wait(self, watch: Watch, found: Found) -> None:
        left_s = wait_s(watch, found.told_at, self._clock.now())
        if left_s <= 0:
            return
        name = (found.bucket, found.key)
        there = asyncio.Event()
        self._waiting[name].add(there)
        waits = [asyncio.ensure_future(there.wait()), asyncio.ensure_future(self._clock.sleep(left_s))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self._waiting[name].discard(there)
            if not self._waiting[name]:
                del self._waiting[name]
            for wait in waits:
                with contextlib.suppress(asyncio.CancelledError):
                    await wait


def wait_s(watch: Watch, created_at: datetime, now: datetime) -> float:
    """How long an object waits yet. A bucket's clock that is ahead makes nobody wait longer."""
    if not watch.sidecars:
        return 0.0
    return watch.sidecar_wait_s - max((now - created_at).total_seconds(), 0.0)
