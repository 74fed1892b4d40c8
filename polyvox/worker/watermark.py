"""How far a partition is done without a gap: what may be committed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Watermark:
    """Offsets of one partition that were taken on and not finished yet.

    ``end`` is one more than the highest offset taken on, None before the first.
    """

    unfinished: frozenset[int] = frozenset()
    end: int | None = None

    def taken(self, offset: int) -> Watermark:
        """With one more offset in hand. Offsets come in rising order, with or without gaps.

        Raises:
            ValueError: the offset is below one that was taken on before.
        """
        if self.end is not None and offset < self.end:
            raise ValueError(f"offset {offset} came after {self.end - 1}")
        return Watermark(self.unfinished | {offset}, offset + 1)

    def finished(self, offset: int) -> Watermark:
        """Raises ValueError for an offset that is not in hand."""
        if offset not in self.unfinished:
            raise ValueError(f"offset {offset} is not in hand")
        return replace(self, unfinished=self.unfinished - {offset})

    @property
    def committable(self) -> int | None:
        """The next offset to read after a restart: all below it is finished. None: nothing to say yet."""
        return min(self.unfinished, default=self.end)
