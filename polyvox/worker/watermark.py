"""How far a partition is done without a gap: what may be committed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finished:
    """Which offsets of a partition were finished although some before them were not."""

    start: int
    end: int
    unfinished: frozenset[int]

    def __contains__(self, offset: int) -> bool:
        return self.start <= offset < self.end and offset not in self.unfinished


class Watermark:
    """Offsets of one partition that were taken on and not finished yet, each with the bytes it holds."""

    def __init__(self) -> None:
        # Offsets come in rising order, so the first one left is the lowest.
        self._unfinished: OrderedDict[int, int] = OrderedDict()
        self.end: int | None = None
        """One more than the highest offset taken on, None before the first."""
        self.size_bytes = 0
        """Of all that is unfinished."""

    def __len__(self) -> int:
        """How many are unfinished."""
        return len(self._unfinished)

    def take(self, offset: int, size_bytes: int = 0) -> None:
        """One more offset in hand. They come in rising order, with or without gaps.

        Raises:
            ValueError: the offset is below one that was taken on before.
        """
        self.skip(offset)
        self._unfinished[offset] = size_bytes
        self.size_bytes += size_bytes

    def skip(self, offset: int) -> None:
        """This offset needs no handling. Raises ValueError as ``take`` does."""
        if self.end is not None and offset < self.end:
            raise ValueError(f"offset {offset} came after {self.end - 1}")
        self.end = offset + 1

    def finish(self, offset: int) -> None:
        """Raises ValueError for an offset that is not in hand."""
        if offset not in self._unfinished:
            raise ValueError(f"offset {offset} is not in hand")
        self.size_bytes -= self._unfinished.pop(offset)

    @property
    def unfinished(self) -> Collection[int]:
        """Rising offsets."""
        return self._unfinished.keys()

    @property
    def committable(self) -> int | None:
        """The next offset to read after a restart: all below it is finished. None: nothing to say yet."""
        return next(iter(self._unfinished), self.end)

    @property
    def span(self) -> int:
        """From the oldest unfinished offset to the newest: what a crash repeats at most."""
        if self.end is None:
            return 0
        return self.end - next(iter(self._unfinished), self.end)

    def finished(self) -> Finished | None:
        """What was finished out of order; None when that is nothing."""
        if self.end is None or self.span <= len(self._unfinished):
            return None
        return Finished(self.end - self.span, self.end, frozenset(self._unfinished))
