"""Slices for an endpoint, and times of words that nobody gave."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.engines.openai.answers import SaidWord
from transcriber.engines.openai.matching import matched
from transcriber.engines.openai.slices import LONGEST_PAUSE_S, Rule, slices
from transcriber.engines.openai.spreading import spread
from transcriber.engines.openai.texts import split_words
from transcriber.speech import Region

MOST_S = 9.2
TINY_S = 1e-6


@st.composite
def talks(draw: st.DrawFn) -> list[Region]:
    regions: list[Region] = []
    at_s = draw(st.floats(0.0, 3.0))
    for pause_s, length_s in draw(st.lists(st.tuples(st.floats(0.0, 4.0), st.floats(0.1, MOST_S)), max_size=30)):
        regions.append((at_s + pause_s, at_s + pause_s + length_s))
        at_s = regions[-1][1]
    return regions


@given(speech=talks(), by_pauses=st.booleans())
def test_slices_hold_all_speech_once_and_are_never_too_long(speech: list[Region], by_pauses: bool) -> None:
    rule = Rule(MOST_S + 0.8, by_pauses=by_pauses)
    duration_s = speech[-1][1] + 1.0 if speech else 5.0
    found = slices(speech, rule, duration_s=duration_s)
    assert [region for window in found for region in window.speech] == speech
    pieces = [piece for window in found for piece in window.pieces]
    assert all(0 <= start_s < end_s <= duration_s for start_s, end_s in pieces)
    assert all(before[1] <= after[0] + TINY_S for before, after in pairwise(pieces))
    assert all(window.duration_s <= rule.max_s + TINY_S for window in found)
    for window in found:
        pauses_s = [after[0] - before[1] for before, after in pairwise(window.speech)]
        assert not by_pauses or (len(window.pieces) == 1 and max(pauses_s, default=0.0) <= LONGEST_PAUSE_S)
        assert all(
            any(low - TINY_S <= s and e <= high + TINY_S for low, high in window.pieces) for s, e in window.speech
        )


@given(st.lists(st.text("abcdé ,.'", min_size=1), min_size=1, max_size=40), talks().filter(bool))
def test_words_without_times_are_in_order_apart_and_where_somebody_speaks(
    words: list[str], speech: list[Region]
) -> None:
    found = spread(words, speech)
    assert len(found) == len(words)
    assert all(start_s <= end_s for start_s, end_s in found)
    assert all(before[1] <= after[0] + TINY_S for before, after in pairwise(found))
    assert all(any(low <= s + TINY_S and e <= high + TINY_S for low, high in speech) for s, e in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" So it is, isn't it?", [" So", " it", " is,", " isn't", " it?"]),
        ("今日は、いい。Yes sir", ["今", "日", "は、", "い", "い。", "Yes", " sir"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_text_is_cut_as_whisper_does(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_words_that_were_told_otherwise_share_the_time_between_those_that_were_not() -> None:
    said = [SaidWord(word=word, start=at, end=at + 0.5) for at, word in enumerate(["hello", "twenty", "five", "bye"])]
    assert matched([" Hello,", " 25", " bye."], said) == [(0.0, 0.5), (1.0, 2.5), (3.0, 3.5)]
    assert matched([" Hello,", " twenty", " five", " more", " bye."], said)[3] == (2.5, 3.0)
    assert matched(["今", "日", "は"], [SaidWord(word="今日は", start=1.0, end=2.5)]) == [
        (1.0, 1.5),
        (1.5, 2.0),
        (2.0, 2.5),
    ]
