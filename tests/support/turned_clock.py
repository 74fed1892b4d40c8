"""A clock that stands still until a test turns it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class TurnedClock:
    """Clock port; ``sleeping`` holds how long each sleeper was told to sleep."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self._elapsed_s + seconds, seconds, woken)
        self._sleepers.append(sleeper)
        try:
            await woken
        finally:
            self._sleepers.remove(sleeper)

    @property
    def sleeping(self) -> list[float]:
        return [seconds for _, seconds, woken in self._sleepers if not woken.done()]

    def turn(self, seconds: float) -> None:
        """Let time pass; sleepers that are due wake up."""
        self._elapsed_s += seconds
        for due_s, _, woken in self._sleepers:
            if due_s <= self._elapsed_s and not woken.done():
                woken.set_result(None)
