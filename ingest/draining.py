"""How fast a tenant's backlog shrinks, from what was seen to end lately."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

WINDOW = timedelta(seconds=300)


class _Seen(NamedTuple):
    at: datetime
    audio_s: float
    recordings: float


class Draining:
    """What ended, with the time at which it was seen.

    What other processes let in is not known here, so a rate may be told too low, never too high:
    who asks is then sent away for longer than needed, within the bounds of Retry-After.
    """

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque()

    def observe(self, at: datetime, audio_s: float, recordings: float) -> None:
        """Between the last observation and ``at`` so much ended; less than nothing counts as nothing."""
        self._seen.append(_Seen(at, max(0.0, audio_s), max(0.0, recordings)))
        while at - self._seen[0].at > WINDOW:
            self._seen.popleft()

    def seconds_for(self, audio_s: float, recordings: float) -> float | None:
        """How long it takes until so much more has ended; None when that cannot be told.

        A negative amount is none at all.
        """
        if not self._seen:
            return None
        elapsed_s = (self._seen[-1].at - self._seen[0].at).total_seconds()
        # The first observation only says when the counting begins.
        ended_s = sum(seen.audio_s for seen in self._seen) - self._seen[0].audio_s
        ended = sum(seen.recordings for seen in self._seen) - self._seen[0].recordings
        longest_s = 0.0
        for amount, of in ((audio_s, ended_s), (recordings, ended)):
            if amount >= 0:
                if of <= 0 or elapsed_s <= 0:
                    return None
                longest_s = max(longest_s, amount * elapsed_s / of)
        return longest_s
