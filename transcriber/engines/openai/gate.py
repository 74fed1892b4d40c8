"""One door for all requests to an endpoint: closed for as long as it asks to be left alone."""

from __future__ import annotations

from polyvox.errors import Limited
from polyvox.ports import Clock


class Gate:
    """What one request was told holds for all of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._opens_s = 0.0
        self._why = ""

    @property
    def closed_s(self) -> float:
        """How long it stays closed, in seconds; 0 when it is open."""
        return max(self._opens_s - self._clock.monotonic_s(), 0.0)

    def close(self, seconds: float, why: str) -> None:
        until_s = self._clock.monotonic_s() + seconds
        if until_s > self._opens_s:
            self._opens_s, self._why = until_s, why

    async def passed(self, *, at_most_s: float) -> None:
        """Wait until it is open.

        Raises:
            Limited: that takes longer than ``at_most_s``.
        """
        while closed_s := self.closed_s:
            if closed_s > at_most_s:
                raise Limited(self._why, closed_s)
            await self._clock.sleep(closed_s)
