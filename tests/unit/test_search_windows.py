"""Windows of recordings that PostgreSQL is asked for: together all that were asked for, the latest first."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from results_api.search.windows import FEWEST, FURTHER, LEVELS, marks, windows
from results_api.search.words_index import MARKS


def blocks_of(mark: int) -> range:
    place, level = divmod(mark, len(LEVELS))
    return range(place << LEVELS[level], (place + 1) << LEVELS[level])


spans = st.tuples(st.integers(0, 1 << 22), st.integers(1, 1 << 20)).map(lambda span: (span[0], sum(span)))


@given(spans)
def test_marks_are_of_all_blocks_once_and_of_few_beside_them(span: tuple[int, int]) -> None:
    first, end = span
    ranges = [blocks_of(mark) for mark in marks(first, end)]
    assert all(one.stop == other.start for one, other in itertools.pairwise(ranges))
    assert first - FEWEST < ranges[0].start <= first
    assert end <= ranges[-1].stop < end + FEWEST
    # Fifteen of each level on both sides, and the greatest in between.
    assert len(ranges) <= 2 * 15 * (len(LEVELS) - 1) + ((end - first) >> LEVELS[-1]) + 1


@given(spans)
def test_windows_go_back_without_a_gap_and_grow(span: tuple[int, int]) -> None:
    first, end = span
    looked = [[blocks_of(mark) for mark in window] for window in windows(first, end)]
    assert all(earlier[-1].stop == later[0].start for later, earlier in itertools.pairwise(looked))
    assert first - FEWEST < looked[-1][0].start <= first
    assert end <= looked[0][-1].stop < end + FEWEST
    sizes = [window[-1].stop - window[0].start for window in looked]
    for n, size in enumerate(sizes[:-1]):
        assert FEWEST * FURTHER**n <= size <= FEWEST * FURTHER**n + FEWEST


def test_nothing_has_no_windows() -> None:
    assert windows(7, 7) == []


def test_a_segment_has_the_marks_in_sql_of_its_block() -> None:
    number = (70_000 << 20) + 5
    has = eval(MARKS.removeprefix("ARRAY"), {"id": number})
    assert len(has) == len(LEVELS)
    assert all(70_000 in blocks_of(mark) for mark in has)
    assert set(marks(70_000, 70_001)) <= set(has)
