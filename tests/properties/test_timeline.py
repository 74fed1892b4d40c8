"""Windows vote who speaks when: at every frame as many as are heard, and those whom most windows hear."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarizer.engines import timeline
from diarizer.engines.timeline import FRAMES, MAX_SPEAKERS

seeds = st.integers(0, 2**32 - 1)


def windows(seed: int, count: int, step_s: float, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random activity, random names (some of nobody), and where the windows begin."""
    random = np.random.default_rng(seed)
    active = (random.random((count, FRAMES, MAX_SPEAKERS)) < 0.3).astype(np.float32)
    names = random.integers(-1, people, (count, MAX_SPEAKERS)).astype(np.intp)
    return active, names, timeline.first_frames(np.arange(count) * step_s)


@given(seeds, st.integers(1, 6), st.sampled_from([1.0, 3.0, 5.0]), st.integers(1, 4))
def test_nobody_speaks_unheard_and_no_more_than_are_counted(seed: int, count: int, step_s: float, people: int) -> None:
    active, names, first = windows(seed, count, step_s, people)
    counted = timeline.speaker_count(active.sum(axis=2), first)
    votes = timeline.votes(active, names, first, people)
    speaking = timeline.chosen(votes, counted)
    assert counted.max() <= MAX_SPEAKERS
    assert (speaking.sum(axis=1) <= counted).all()
    assert (votes[speaking] > 0).all()
    # Whoever is left out was heard by no more windows than anybody chosen.
    left_out = np.where(speaking, -1.0, votes).max(axis=1)
    least_chosen = np.where(speaking, votes, np.inf).min(axis=1)
    assert (left_out <= least_chosen).all()


@given(seeds, st.integers(1, 4))
def test_two_voices_that_are_one_person_are_heard_once(seed: int, count: int) -> None:
    active, names, first = windows(seed, count, 3.0, 1)
    votes = timeline.votes(active, np.zeros_like(names), first, 1)
    heard = np.zeros_like(votes)
    for start, window in zip(first, active, strict=True):
        heard[start : start + FRAMES, 0] += window.any(axis=1)
    assert np.array_equal(votes, heard)


def test_turns_begin_and_end_in_the_middle_of_frames() -> None:
    speaking = np.zeros((10, 2), np.bool_)
    speaking[2:5, 0] = speaking[0:1, 1] = speaking[8:, 1] = True
    turns = timeline.turns(speaking, ["A", "B"])
    assert [turn.speaker for turn in turns] == ["A", "B", "B"]
    assert turns[0].start_s == pytest.approx(2 * timeline.FRAME_STEP_S + timeline.FRAME_MIDDLE_S)
    assert turns[0].end_s - turns[0].start_s == pytest.approx(3 * timeline.FRAME_STEP_S)
    assert turns[2].end_s == pytest.approx(10 * timeline.FRAME_STEP_S + timeline.FRAME_MIDDLE_S)
