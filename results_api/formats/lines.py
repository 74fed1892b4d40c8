"""Breaks what stands in one cue into lines: as even as they come, never one word alone if that can be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from results_api.formats.pieces import Piece

LONELY = 1000.0
"""Worse than any unevenness: a line of a single word beside longer ones."""
CLAUSE = 8.0
"""A line that ends with a clause may be so many columns less even."""


class Row:
    """Pieces in a row, of which any stretch can be measured at once."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self._ends = list(accumulate((piece.columns + piece.space for piece in pieces), initial=0))

    def columns(self, start: int, end: int) -> int:
        """Width of ``pieces[start:end]`` on one line."""
        return self._ends[end] - self._ends[start] - self.pieces[end - 1].space

    def fitting(self, start: int, end: int, columns: int) -> int:
        """Where a line that begins at ``start`` ends at the latest; after one piece at least."""
        place = start + 1
        while place < end and self.columns(start, place + 1) <= columns:
            place += 1
        return place

    def line_count(self, start: int, end: int, columns: int, indent: int) -> int:
        """How many lines ``pieces[start:end]`` need; ``indent`` columns of the first are taken."""
        count, place = 0, start
        while place < end:
            place = self.fitting(place, end, columns - (indent if count == 0 else 0))
            count += 1
        return count


def breaks(row: Row, start: int, end: int, *, lines: int, columns: int, indent: int) -> list[int]:
    """Where the lines after the first begin. ``lines`` are enough, as ``Row.line_count`` says.

    As few lines as it takes; among those the least wide, without a line of one piece where there is a way.
    """
    count = row.line_count(start, end, columns, indent)
    if count == 1:
        return []
    best = _best(row, start, end, count, columns, indent)
    if best[0] >= LONELY and count < lines:
        # One more line may leave nobody alone.
        more = _best(row, start, end, count + 1, columns, indent)
        best = min(best, more, key=lambda found: found[0])
    return best[1]


def _best(row: Row, start: int, end: int, count: int, columns: int, indent: int) -> tuple[float, list[int]]:
    """The cost and the breaks of the best way to make exactly ``count`` lines; an infinite cost where there is none."""
    mean = (row.columns(start, end) + indent) / count
    # ways[place]: the best way to have put all before ``place`` on the lines so far.
    ways: dict[int, tuple[float, list[int]]] = {start: (0.0, [])}
    for line in range(count):
        taken = indent if line == 0 else 0
        found: dict[int, tuple[float, list[int]]] = {}
        for place, (cost, cuts) in ways.items():
            for stop in range(place + 1, end + 1):
                width = row.columns(place, stop) + taken
                if width > columns and stop > place + 1:
                    break
                if (stop == end) != (line == count - 1):
                    continue
                price = cost + _cost(row, place, stop, end, width, mean, alone=end - start > count)
                if stop not in found or price < found[stop][0]:
                    found[stop] = (price, [*cuts, stop])
        ways = found
    cost, cuts = ways.get(end, (float("inf"), [end]))
    return cost, cuts[:-1]


def _cost(row: Row, place: int, stop: int, end: int, width: int, mean: float, *, alone: bool) -> float:
    uneven = (width - mean) ** 2 / max(mean, 1.0)
    lonely = LONELY if alone and stop == place + 1 else 0.0
    clause = -CLAUSE if stop < end and row.pieces[stop - 1].ends else 0.0
    return uneven + lonely + clause
