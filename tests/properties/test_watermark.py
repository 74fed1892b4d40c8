"""Whatever the order in which work finishes, nothing unfinished is committed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox.worker.watermark import Watermark


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Rising offsets, with gaps, and the order in which some of them finish."""
    offsets = sorted(draw(st.sets(st.integers(0, 10_000), min_size=1, max_size=40)))
    finished = draw(st.permutations(offsets))
    return offsets, finished[: draw(st.integers(0, len(finished)))]


@given(histories())
def test_never_passes_an_unfinished_offset_and_leaves_no_finished_prefix(
    history: tuple[list[int], list[int]],
) -> None:
    offsets, finished = history
    watermark = Watermark()
    for offset in offsets:
        watermark.take(offset)
    done: set[int] = set()
    before = watermark.committable
    for offset in finished:
        watermark.finish(offset)
        done.add(offset)
        now = watermark.committable
        assert now is not None
        assert before is not None
        assert now >= before
        assert all(offset in done for offset in offsets if offset < now)
        assert now == offsets[-1] + 1 or now not in done
        before = now
    if done == set(offsets):
        assert watermark.committable == offsets[-1] + 1


@given(st.data())
def test_taking_on_more_while_work_goes_on_never_moves_it_back(data: st.DataObject) -> None:
    watermark = Watermark()
    offset = data.draw(st.integers(0, 100))
    before = None
    for finish in data.draw(st.lists(st.booleans(), min_size=1, max_size=60)):
        unfinished = sorted(watermark.unfinished)
        if unfinished and finish:
            watermark.finish(data.draw(st.sampled_from(unfinished)))
        else:
            offset += data.draw(st.integers(1, 3))
            watermark.take(offset)
        now = watermark.committable
        assert now is not None
        assert before is None or now >= before
        assert all(now <= open_offset for open_offset in watermark.unfinished)
        before = now


@given(histories(), st.integers(1, 100))
def test_it_tells_what_is_finished_behind_the_unfinished_and_how_much_is_held(
    history: tuple[list[int], list[int]], size_bytes: int
) -> None:
    offsets, finished = history
    watermark = Watermark()
    for offset in offsets:
        watermark.take(offset, size_bytes)
    for offset in finished:
        watermark.finish(offset)
    unfinished = set(offsets) - set(finished)
    assert set(watermark.unfinished) == unfinished
    assert len(watermark) == len(unfinished)
    assert watermark.size_bytes == size_bytes * len(unfinished)
    assert watermark.span == (offsets[-1] + 1 - min(unfinished) if unfinished else 0)
    told = watermark.finished()
    behind = {offset for offset in finished if unfinished and offset > min(unfinished)}
    assert {offset for offset in offsets if told and offset in told} >= behind
    assert not any(told and offset in told for offset in unfinished)


def test_nothing_is_committable_before_the_first_message() -> None:
    assert Watermark().committable is None


def test_offsets_that_go_back_and_strangers_are_refused() -> None:
    watermark = Watermark()
    watermark.take(5)
    with pytest.raises(ValueError, match="came after"):
        watermark.take(5)
    with pytest.raises(ValueError, match="not in hand"):
        watermark.finish(4)
