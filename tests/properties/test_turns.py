"""Arithmetic of turns: what is covered, by whom, and what is not."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from diarizer import turns as arithmetic
from diarizer.engines.base import EngineTurn

TICKS_S = 0.25

ticks = st.integers(0, 60)
turn_lists = st.lists(
    st.builds(
        lambda start, length, who: EngineTurn(start * TICKS_S, (start + length) * TICKS_S, who),
        ticks,
        st.integers(0, 20),
        st.sampled_from("abcd"),
    ),
    max_size=25,
)


def speakers_at(turns: list[EngineTurn], moment_s: float) -> set[str]:
    return {turn.speaker for turn in turns if turn.start_s <= moment_s < turn.end_s}


def moments() -> list[float]:
    """One inside each tick: what holds there holds everywhere, since borders lie on ticks."""
    return [(tick + 0.5) * TICKS_S for tick in range(90)]


@given(turn_lists)
def test_exclusive_turns_cover_exactly_the_union_with_one_of_those_who_speak(turns: list[EngineTurn]) -> None:
    exclusive = arithmetic.exclusive(turns)
    for moment_s in moments():
        here = speakers_at(exclusive, moment_s)
        everybody = speakers_at(turns, moment_s)
        assert len(here) == min(1, len(everybody))
        assert here <= everybody


@given(turn_lists)
def test_exclusive_turns_do_not_overlap_and_neighbours_differ(turns: list[EngineTurn]) -> None:
    exclusive = arithmetic.exclusive(turns)
    for before, after in pairwise(exclusive):
        assert before.start_s < before.end_s <= after.start_s
        assert before.end_s < after.start_s or before.speaker != after.speaker


@given(turn_lists)
def test_exclusive_turns_of_exclusive_turns_are_the_same(turns: list[EngineTurn]) -> None:
    once = arithmetic.exclusive(turns)
    assert arithmetic.exclusive(once) == once


@given(turn_lists)
def test_union_is_where_somebody_and_overlap_where_two_speak(turns: list[EngineTurn]) -> None:
    union, overlaps = arithmetic.union(turns), arithmetic.overlaps(turns)
    for moment_s in moments():
        here = speakers_at(turns, moment_s)
        assert any(start <= moment_s < end for start, end in union) == (len(here) > 0)
        assert any(start <= moment_s < end for start, end in overlaps) == (len(here) > 1)
    for regions in (union, overlaps):
        assert all(before[1] < after[0] for before, after in pairwise(regions))


@given(turn_lists)
def test_speech_of_a_speaker_counts_every_moment_once(turns: list[EngineTurn]) -> None:
    seconds = arithmetic.speech_s(turns)
    for speaker in "abcd":
        heard = sum(speaker in speakers_at(turns, moment_s) for moment_s in moments()) * TICKS_S
        assert seconds.get(speaker, 0.0) == heard


@given(turn_lists)
def test_speakers_are_numbered_by_first_speech_whatever_the_order_of_turns(turns: list[EngineTurn]) -> None:
    names = arithmetic.names_by_first_speech(turns)
    assert names == arithmetic.names_by_first_speech(turns[::-1])
    assert sorted(names.values(), key=lambda name: int(name[1:])) == [f"S{n + 1}" for n in range(len(names))]
    renamed = arithmetic.renamed(turns, names)
    first_s = [min(turn.start_s for turn in renamed if turn.speaker == f"S{n + 1}") for n in range(len(names))]
    assert first_s == sorted(first_s)


@given(turn_lists, st.floats(0.0, 20.0))
def test_turns_are_cut_to_the_recording(turns: list[EngineTurn], duration_s: float) -> None:
    cut = arithmetic.within(turns, duration_s)
    assert all(0.0 <= turn.start_s < turn.end_s <= duration_s for turn in cut)
    for moment_s in moments():
        if moment_s < duration_s:
            assert speakers_at(cut, moment_s) == speakers_at(turns, moment_s)


def test_a_backchannel_does_not_take_the_floor() -> None:
    turns = [EngineTurn(0.0, 10.0, "a"), EngineTurn(4.0, 4.5, "b"), EngineTurn(9.0, 12.0, "b")]
    assert arithmetic.exclusive(turns) == [EngineTurn(0.0, 10.0, "a"), EngineTurn(10.0, 12.0, "b")]
