"""How much a worker holds of the log: far enough to find everybody's work, and bounded.

A fair choice needs sight: behind a thousand messages of one tenant may lie one of another. What
is held are claim checks of about a kilobyte, so thousands are cheap. The lanes have a window
each, so that bulk never takes the room of interactive work, and the partitions of a lane share
its window evenly, so that none fills it alone.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
LEAST_MESSAGES = 32
LEAST_BYTES = MIB
ROOM = 0.75
"""A partition that was full is read again from this share on, not for every message that goes."""


@dataclass(frozen=True, slots=True)
class Window:
    """Bounds of one lane of one worker, over all its partitions.

    ``span``: how many times its messages a partition may be read beyond its oldest unfinished one.
    All of it may have to be handled again after a crash, which for what is finished costs a look
    into the store.
    """

    messages: int = 16_384
    size_bytes: int = 32 * MIB
    span: int = 4

    def of_one(self, partitions: int) -> Bounds:
        """What each of so many partitions may hold."""
        share = max(1, partitions)
        messages = max(LEAST_MESSAGES, self.messages // share)
        return Bounds(messages, max(LEAST_BYTES, self.size_bytes // share), self.span * messages)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one partition. They may be passed by one batch."""

    messages: int
    size_bytes: int
    span: int

    def full(self, messages: int, size_bytes: int, span: int) -> bool:
        return messages >= self.messages or size_bytes >= self.size_bytes or span >= self.span

    def room(self, messages: int, size_bytes: int, span: int) -> bool:
        """Well below full."""
        return messages <= ROOM * self.messages and size_bytes <= ROOM * self.size_bytes and span <= ROOM * self.span
