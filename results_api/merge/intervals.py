"""Sets of time, as sorted lists of disjoint (start, end) in seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

Interval = tuple[float, float]


def union(intervals: Iterable[Interval], *, join_s: float = 0.0, pad_s: float = 0.0) -> list[Interval]:
    """What the intervals cover together; pauses of at most ``join_s`` are closed.

    Every interval is first widened by ``pad_s`` on both sides. Empty and reversed ones count
    for nothing, unless padding gives them length.
    """
    joined: list[Interval] = []
    for start, end in sorted((start - pad_s, end + pad_s) for start, end in intervals):
        if end <= start:
            continue
        if joined and start <= joined[-1][1] + join_s:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def intersect(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """What two disjoint sorted sets have in common."""
    common: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            common.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """What ``left`` has and ``right`` lacks."""
    if not left:
        return []
    low, high = left[0][0], left[-1][1]
    edges = [low, *(edge for interval in right for edge in interval), high]
    outside = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]
    return intersect(left, outside)


def total_s(intervals: Iterable[Interval]) -> float:
    return sum(end - start for start, end in intervals)


class Measure:
    """How much of a stretch a disjoint sorted set covers, in O(log n)."""

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self._starts = [start for start, _ in intervals]
        self._ends = [end for _, end in intervals]
        self._before_s = [0.0, *accumulate(end - start for start, end in intervals)]

    def covered_s(self, start_s: float, end_s: float) -> float:
        """Seconds of [start_s, end_s] that are in the set; 0 for reversed stretches."""
        return max(self._until_s(end_s) - self._until_s(start_s), 0.0)

    def touches(self, start_s: float, end_s: float) -> bool:
        """Whether any of it, or the point it is, lies in the set (borders included)."""
        index = bisect_right(self._starts, end_s) - 1
        return index >= 0 and self._ends[index] >= start_s

    def _until_s(self, moment_s: float) -> float:
        index = bisect_right(self._starts, moment_s)
        if index == 0:
            return 0.0
        beyond_s = max(self._ends[index - 1] - moment_s, 0.0)
        return self._before_s[index] - beyond_s
