"""Segments: all words once, broken where people would break them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import TranscriptSegment
from results_api.merge.segments import MAX_CHARACTERS, MAX_S, build
from results_api.merge.spoken import SpokenWord
from results_api.merge.writing import ends_sentence
from tests.support.recordings import texts


@st.composite
def spoken(draw: st.DrawFn) -> list[SpokenWord]:
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from([0.0, 0.1, 0.5, 2.0]),
                st.sampled_from([0.0, 0.2, 0.7, 3.0]),
                texts,
                st.sampled_from([None, "S1", "S2"]),
                st.sampled_from(["en", "zh"]),
                st.booleans(),
            ),
            max_size=60,
        )
    )
    words, now_s = [], 0.0
    for pause_s, length_s, text, speaker, language, overlap in drawn:
        start_s, now_s = now_s + pause_s, now_s + pause_s + length_s
        words.append(SpokenWord(start_s, now_s, text, 0.5, speaker, overlap, None, language))
    return words


def sentence(*texts: str, speaker: str | None = None, language: str | None = "en") -> list[SpokenWord]:
    return [
        SpokenWord(n * 0.4, n * 0.4 + 0.3, text, speaker=speaker, language=language) for n, text in enumerate(texts)
    ]


def said(words: list[SpokenWord]) -> list[str]:
    return [segment.text for segment in build(words)]


@given(spoken())
def test_each_word_lies_in_exactly_one_segment_in_order(words: list[SpokenWord]) -> None:
    segments = build(words)
    assert [word for segment in segments for word in segment.words] == [word.published() for word in words]
    assert [segment.id for segment in segments] == list(range(len(segments)))
    assert build(words) == segments


@given(spoken())
def test_a_segment_has_one_speaker_one_language_and_the_times_of_its_words(words: list[SpokenWord]) -> None:
    numbered = iter(words)
    for segment in build(words):
        own = [next(numbered) for _ in segment.words]
        assert {word.speaker for word in own} == {segment.speaker}
        assert {word.language for word in own} == {segment.language}
        assert segment.text == "".join(word.text for word in own).strip()
        assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
        assert all(later.start_s - earlier.end_s <= 0.8 for earlier, later in pairwise(own))


@given(spoken())
def test_no_segment_of_several_words_is_too_long(words: list[SpokenWord]) -> None:
    def fits(segment: TranscriptSegment) -> bool:
        return len(segment.text) <= MAX_CHARACTERS and segment.end - segment.start <= MAX_S + 0.001

    assert all(fits(segment) for segment in build(words) if len(segment.words) > 1)


def test_sentences_end_segments() -> None:
    words = sentence(" Hello", " there.", " Are", " you", " well?", ' "Yes!"', " I", " am…", " Good.")
    assert said(words) == ["Hello there.", "Are you well?", '"Yes!"', "I am…", "Good."]
    assert said(sentence("你好", "。", "再见", "！", "好", language="zh")) == ["你好。", "再见！", "好"]


@pytest.mark.parametrize(
    ("text", "following", "language", "ends"),
    [
        (" Mr.", " Smith", "en", False),
        (" J.", " Smith", "en", False),
        (" I.", " Okay", "en", True),
        (" e.g.", " Paris", "en", False),
        (" etc.", " and", "en", False),
        (" etc.", " And", "en", True),
        (" 3.", "5", "en", True),
        (" 3", ".5", "en", False),
        (" 3.", " Oktober", "de", False),
        (" 3.", " Then", "en", True),
        (" 1999.", " Danach", "de", True),
        (" no.", " Never", "en", True),
        (" well...", " maybe", "en", False),
        (" well...", " Maybe", "en", True),
        (" done.”", " Then", "en", True),
        (" كيف؟", " جيد", "ar", True),
        (" done.", None, None, True),
        (" word", None, None, False),
        ("", " word", None, False),
    ],
)
def test_where_a_sentence_ends(text: str, following: str | None, language: str | None, ends: bool) -> None:
    assert ends_sentence(text, following, language) is ends


def test_pauses_speakers_and_languages_end_segments() -> None:
    one, two = sentence(" one", " two")
    later = SpokenWord(2.0, 2.3, " three", language="en")
    other = SpokenWord(2.3, 2.5, " four", speaker="S2", language="en")
    german = SpokenWord(2.5, 2.7, " fünf", speaker="S2", language="de")
    assert said([one, two, later, other, german]) == ["one two", "three", "four", "fünf"]


def test_speech_without_full_stops_is_cut_after_a_clause() -> None:
    words = [SpokenWord(n * 0.4, n * 0.4 + 0.4, " so," if n == 60 else " so") for n in range(100)]
    segments = build(words)
    assert [len(segment.words) for segment in segments] == [61, 39]


def test_a_number_is_not_torn_apart() -> None:
    assert said(sentence(" It", " is", " 3", ".5", " percent.", " Fine.")) == ["It is 3.5 percent.", "Fine."]


def test_overlap_is_that_of_most_of_the_segment() -> None:
    words = [SpokenWord(n, n + 0.9, " yes", overlap=n < 2) for n in range(3)]
    assert [segment.overlap for segment in build(words)] == [True]
    assert [segment.overlap for segment in build([*words[1:], SpokenWord(3, 3.9, " yes")])] == [False]
