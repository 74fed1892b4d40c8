"""How many requests a minute each of many names may send: so many at once, and then as they come back.

The generic cell rate algorithm (GCRA): one time for each name, so a check costs the same however many requests there
are. It counts in this process.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import NamedTuple

from polyvox.ports import Clock

WINDOW_S = 60.0
NAMES_MAX = 100_000


class Standing(NamedTuple):
    """What is left to a name. ``reset_s``: until all of ``limit`` is; ``wait_s`` None: this request may pass."""

    limit: int
    left: int
    reset_s: float
    wait_s: float | None = None

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which one more may pass."""
        return max(1, ceil(self.wait_s or 0.0))


class Rates:
    def __init__(self, clock: Clock, *, names_max: int = NAMES_MAX) -> None:
        self._clock = clock
        self._names_max = names_max
        # When a name would have all of its requests back.
        self._full_at_s: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at_s)

    def take(self, name: str, per_minute: int) -> Standing:
        """Count one request of ``name``; what is refused is not counted."""
        standing, full_at_s = self._standing(name, per_minute, 1)
        if standing.wait_s is None:
            self._full_at_s[name] = full_at_s
            self._full_at_s.move_to_end(name)
            if len(self._full_at_s) > self._names_max:
                self._forget(self._clock.monotonic_s())
        return standing

    def look(self, name: str, per_minute: int) -> Standing:
        """Whether one more may pass; nothing is counted."""
        return self._standing(name, per_minute, 1)[0]

    def _standing(self, name: str, per_minute: int, count: int) -> tuple[Standing, float]:
        now_s = self._clock.monotonic_s()
        each_s = WINDOW_S / per_minute
        full_at_s = max(self._full_at_s.get(name, now_s), now_s) + count * each_s
        over_s = full_at_s - now_s - WINDOW_S
        # A hair of rounding must not cost the last request.
        if over_s > each_s * 1e-6:
            return Standing(per_minute, 0, full_at_s - count * each_s - now_s, over_s), full_at_s
        return Standing(per_minute, int((WINDOW_S - (full_at_s - now_s)) / each_s + 1e-6), full_at_s - now_s), full_at_s

    def _forget(self, now_s: float) -> None:
        """Those who have all of their requests back need not be remembered; if nobody has, the one longest unseen."""
        for name in [name for name, full_at_s in self._full_at_s.items() if full_at_s <= now_s]:
            del self._full_at_s[name]
        while len(self._full_at_s) > self._names_max:
            self._full_at_s.popitem(last=False)
