"""When too much audio waits for the models here, parts go to an endpoint elsewhere as well.

Above a bound they do, until well below it. What runs here goes on: an endpoint is more room, not other room.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from polyvox.contracts import TenantBacklog
from polyvox.errors import Fatal, Limited, PolyvoxError
from polyvox.metrics import OVERFLOWING, Metrics
from polyvox.ports import Clock

log = logging.getLogger(__name__)

UNTIL = 0.8
"""Of the bound, below which parts stay here again: at the bound itself they would go to and fro."""
TROUBLE_S = 60.0
"""After an endpoint failed its parts stay here so long."""


class Overflow:
    """Knows what waits, and who may work on how much.

    Args:
        above_s: the bound, in seconds of audio.
        here: parts that are worked on at the same time with the models here.
        elsewhere: parts that may be elsewhere at the same time.
    """

    def __init__(self, clock: Clock, metrics: Metrics, *, above_s: float, here: int, elsewhere: int) -> None:
        self._clock = clock
        self._metrics = metrics
        self._above_s = above_s
        self._here = here
        self._elsewhere = elsewhere
        self._waits_s: dict[str, float] = {}
        self._too_much = False
        self._closed_until_s = 0.0
        self._running_here = self._running_elsewhere = 0
        self._changed: Callable[[int], None] = lambda _places: None
        metrics.set(OVERFLOWING, 0)

    @property
    def is_on(self) -> bool:
        """Whether parts may go elsewhere now."""
        return self._too_much and self._clock.monotonic_s() >= self._closed_until_s

    @property
    def places(self) -> int:
        """How many parts may be worked on at the same time, now."""
        return self._here + (self._elsewhere if self.is_on else self._running_elsewhere)

    def on_change(self, changed: Callable[[int], None]) -> None:
        """``changed`` is told whenever ``places`` may be another number."""
        self._changed = changed

    def heard(self, told: Any) -> None:
        """Take in what waits of one tenant."""
        if isinstance(told, TenantBacklog):
            self._waits_s[told.tenant] = told.interactive.audio_s + told.bulk.audio_s
            if not self._waits_s[told.tenant]:
                del self._waits_s[told.tenant]
            self._judge()

    @contextmanager
    def elsewhere(self) -> Iterator[bool]:
        """Whether a part is to go there now; while it does, it counts. What fits here stays here."""
        goes = self.is_on and self._running_here >= self._here
        self._running_elsewhere += goes
        try:
            yield goes
        finally:
            self._running_elsewhere -= goes
            if goes:
                self._tell()

    @contextmanager
    def here(self) -> Iterator[None]:
        """While a part is worked on here."""
        self._running_here += 1
        try:
            yield
        finally:
            self._running_here -= 1

    def failed(self, error: PolyvoxError) -> None:
        """The endpoint could not: nothing goes there for a while, and nothing at all any more if it never will."""
        wait_s = float("inf") if isinstance(error, Fatal) else TROUBLE_S
        if isinstance(error, Limited):
            wait_s = max(error.retry_after_s, 1.0)
        self._closed_until_s = max(self._closed_until_s, self._clock.monotonic_s() + wait_s)
        log.log(
            logging.ERROR if isinstance(error, Fatal) else logging.WARNING,
            "no parts go to the endpoint elsewhere %s: %s",
            "until this process starts again" if isinstance(error, Fatal) else f"for {wait_s:.0f} s",
            error,
        )
        self._tell()

    def _judge(self) -> None:
        waits_s = sum(self._waits_s.values())
        too_much = waits_s > self._above_s * (UNTIL if self._too_much else 1.0)
        if too_much != self._too_much:
            self._too_much = too_much
            log.info("%.0f s of audio wait: parts %s", waits_s, "go elsewhere as well" if too_much else "stay here")
        self._tell()

    def _tell(self) -> None:
        self._metrics.set(OVERFLOWING, float(self.is_on))
        self._changed(self.places)
