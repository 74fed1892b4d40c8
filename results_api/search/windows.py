"""Which recordings PostgreSQL's index is asked for, one window after the other: the latest first. Pure.

The index knows no order: all segments that have the words would be fetched to know which are the latest. So each is
indexed by marks beside its words: of the 16 blocks (see results_api/database/searchable.py) that its recording's is
among, of the 256, of the 4,096 and of the 65,536. A few marks say any stretch of blocks, and the index crosses them
with the words.
"""

from __future__ import annotations

LEVELS = (4, 8, 12, 16)
"""Bits of a block's number that are left out. A mark is what remains, times so many, and which of them it is."""
FEWEST = 1 << LEVELS[0]
"""Blocks with a mark of their own."""
FURTHER = 4
"""Times as many blocks in a window as in the one before: to ask once more costs little, to fetch too many a lot."""


def windows(first: int, end: int) -> list[list[int]]:
    """Of all blocks of ``[first, end)``, and up to fifteen before and behind them; the marks of each window."""
    made: list[list[int]] = []
    blocks = FEWEST
    while first < end:
        begin = max(first, (end - blocks) // FEWEST * FEWEST)
        made.append(marks(begin, end))
        end, blocks = begin, blocks * FURTHER
    return made


def marks(first: int, end: int) -> list[int]:
    """The fewest that all blocks of ``[first, end)`` have, and up to fifteen before and behind them."""
    found: list[int] = []
    place, end = first // FEWEST * FEWEST, -(-end // FEWEST) * FEWEST
    while place < end:
        level = max(n for n, bits in enumerate(LEVELS) if place % (1 << bits) == 0 and place + (1 << bits) <= end)
        found.append((place >> LEVELS[level]) * len(LEVELS) + level)
        place += 1 << LEVELS[level]
    return found
