"""The merge: every word once, times in order and inside the recording, no matter what came when."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyvox.contracts import (
    Diarization,
    LanguageGuess,
    Options,
    PartSpan,
    PartWords,
    SpeechRegion,
    StageReport,
    Transcript,
    TranscriptWord,
    Turn,
    Word,
)
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput, merge_input
from results_api.view.fold import fold_all
from tests.support.events import MEDIA_ID, diarized, failed, ready, transcribed, uploaded
from tests.support.recordings import merge_inputs

DONE = {name: StageReport(status="done") for name in ("normalise", "transcribe", "diarize")}


def words_of(transcript: Transcript) -> list[TranscriptWord]:
    return [word for segment in transcript.segments for word in segment.words]


def squeezed(text: str) -> str:
    return "".join(text.split())


def part(number: int, words: list[Word], **fields: Any) -> PartWords:
    span = {"start_s": number * 60.0, "end_s": number * 60.0 + 60.0}
    return PartWords(
        **{"media_id": MEDIA_ID, "part": number, "words": words, "engine": "e", "model": "m", **span, **fields}
    )


def spoken(start_s: float, text: str, length_s: float = 0.4) -> Word:
    return Word(start_s=start_s, end_s=start_s + length_s, text=text, probability=0.9)


def keeping(media: MergeInput) -> MergeInput:
    """Words that look made up stay."""
    return replace(media, options=media.options.model_copy(update={"keep_suspects": True}))


@given(merge_inputs())
def test_every_word_appears_exactly_once_and_in_order(media: MergeInput) -> None:
    transcript = merge(keeping(media))
    given_words = [word for part in sorted(media.words, key=lambda part: part.part) for word in part.words]
    assert [word.word.strip() for word in words_of(transcript)] == [word.text.strip() for word in given_words]
    assert squeezed(transcript.text) == squeezed("".join(word.text for word in given_words))
    for segment in transcript.segments:
        assert segment.text == "".join(word.word for word in segment.words).strip()
        assert {word.speaker for word in segment.words} == {segment.speaker}


@given(merge_inputs())
def test_what_is_left_out_is_listed_and_all_else_is_there(media: MergeInput) -> None:
    transcript, whole = merge(media), merge(keeping(media))
    gone = [one for one in transcript.suspects if one.left_out]
    written = Counter(squeezed("".join(word.word for word in words_of(transcript)) + "".join(o.text for o in gone)))
    assert written == Counter(squeezed("".join(word.word for word in words_of(whole))))
    assert not any(one.left_out for one in whole.suspects)
    assert transcript.coverage == whole.coverage


@given(merge_inputs())
def test_times_are_monotone_and_within_the_recording(media: MergeInput) -> None:
    transcript = merge(media)
    moments = [moment for word in words_of(transcript) for moment in (word.start, word.end)]
    assert moments == sorted(moments)
    spans: list[Any] = [
        *transcript.suspects,
        *transcript.segments,
        *transcript.turns,
        *transcript.coverage.gaps,
        *transcript.coverage.suspect,
    ]
    for span in spans:
        assert 0.0 <= span.start <= span.end <= transcript.duration
    assert all(0.0 <= moment <= transcript.duration for moment in moments)
    assert [segment.id for segment in transcript.segments] == list(range(len(transcript.segments)))
    assert all(before.end <= after.start for before, after in pairwise(transcript.segments))
    assert 0.0 <= transcript.coverage.covered <= transcript.coverage.speech <= transcript.duration + 0.001


@given(merge_inputs(), st.randoms(use_true_random=False))
def test_the_order_of_parts_and_turns_makes_no_difference(media: MergeInput, random: Any) -> None:
    parts, spans = list(media.words), list(media.parts)
    random.shuffle(parts)
    random.shuffle(spans)
    other = replace(media, words=(*parts, *parts[:1]), parts=tuple(spans))
    if media.diarization is not None:
        turns, exclusive = list(media.diarization.turns), list(media.diarization.exclusive_turns)
        random.shuffle(turns)
        random.shuffle(exclusive)
        shuffled = media.diarization.model_copy(update={"turns": turns, "exclusive_turns": exclusive})
        other = replace(other, diarization=shuffled)
    assert merge(other) == merge(media)


@given(merge_inputs())
@settings(max_examples=50)
def test_merging_what_was_merged_changes_nothing(media: MergeInput) -> None:
    media = keeping(media)
    transcript = merge(media)
    by_part = {part.part: part for part in media.words}
    found = iter(words_of(transcript))
    again = []
    for number in sorted(by_part):
        merged = islice(found, len(by_part[number].words))
        words = [Word(start_s=w.start, end_s=w.end, text=w.word, probability=w.probability) for w in merged]
        again.append(by_part[number].model_copy(update={"words": words}))
    repeated = merge(replace(media, words=tuple(again)))
    assert [(w.start, w.end, w.word) for w in words_of(repeated)] == [
        (w.start, w.end, w.word) for w in words_of(transcript)
    ]


@given(merge_inputs())
@settings(max_examples=50)
def test_speakers_of_words_are_listed_and_labelled(media: MergeInput) -> None:
    transcript = merge(media)
    known = {speaker.id for speaker in transcript.speakers}
    said = {word.speaker for word in words_of(transcript)}
    assert said <= ({*known, "unknown"} if media.diarization else {None})
    assert {turn.speaker for turn in transcript.turns} <= known
    assert [speaker.label for speaker in transcript.speakers] == [f"Speaker {n + 1}" for n in range(len(known))]


@given(merge_inputs())
@settings(max_examples=50)
def test_speaker_1_is_who_says_the_first_word_however_short_a_sound_somebody_made_before(media: MergeInput) -> None:
    transcript = merge(media)
    named = (word.speaker for word in words_of(transcript) if word.speaker not in (None, "unknown"))
    saying = list(dict.fromkeys(named))
    silent = [t.speaker for t in transcript.turns if t.speaker not in saying]
    assert [speaker.id for speaker in transcript.speakers] == [*saying, *dict.fromkeys(silent)]


def test_an_empty_recording_gives_an_empty_transcript() -> None:
    diarization = Diarization(media_id=MEDIA_ID, duration_s=5, turns=[], engine="p", model="b")
    media = MergeInput(MEDIA_ID, 5.0, (PartSpan(part=0, start_s=0, end_s=5),), (part(0, []),), diarization, stages=DONE)
    transcript = merge(media)
    assert (transcript.status, transcript.text, transcript.segments) == ("completed", "", [])
    assert (transcript.language, transcript.speakers, transcript.coverage.gaps) == (None, [], [])


def test_words_are_served_before_the_other_parts_and_the_speakers() -> None:
    view = fold_all([uploaded(), ready(parts=2, part_s=60.0), transcribed(1)])
    words = part(1, [spoken(61, " Hello."), spoken(62, " You?")], speech=[SpeechRegion(start_s=60.5, end_s=62.5)])
    transcript = merge(merge_input(view, [words], None, {"polyvox": "0.1.0"}))
    assert transcript.status == "processing"
    assert transcript.text == "Hello. You?"
    assert [segment.speaker for segment in transcript.segments] == [None, None]
    assert transcript.stages["transcribe"].status == "running"
    assert transcript.coverage.gaps == []
    assert transcript.versions == {"polyvox": "0.1.0"}


def test_a_failed_part_leaves_a_gap_and_a_warning() -> None:
    view = fold_all([uploaded(), ready(parts=2, part_s=60.0), transcribed(0), failed("transcribe", part=1), diarized()])
    turn = Turn(start_s=0.0, end_s=120.0, speaker="S1")
    diarization = Diarization(media_id=MEDIA_ID, duration_s=120, turns=[turn], engine="p", model="b")
    words = part(0, [spoken(second, " word", 1.0) for second in range(60)])
    transcript = merge(merge_input(view, [words], diarization, {}))
    assert transcript.status == "completed"
    assert [(gap.start, gap.end) for gap in transcript.coverage.gaps] == [(60.3, 120.0)]
    assert transcript.warnings == ["There are no words from 60.0 s to 120.0 s: that part failed."]


def test_speech_is_no_gap_where_only_the_language_was_asked_for() -> None:
    heard = part(0, [], language="de", speech=[SpeechRegion(start_s=1, end_s=50)])
    media = MergeInput(
        media_id=MEDIA_ID,
        duration_s=60.0,
        parts=(PartSpan(part=0, start_s=0, end_s=60),),
        words=(heard,),
        options=Options(task="detect", diarize=False),
        stages=DONE,
    )
    assert (merge(media).language, merge(media).coverage.gaps) == ("de", [])
    assert merge(replace(media, options=Options(diarize=False))).coverage.gaps != []


def test_a_recording_without_any_words_failed() -> None:
    view = fold_all([uploaded(), ready(parts=1), failed("transcribe", part=0), diarized()])
    assert merge(merge_input(view, [], None, {})).status == "failed"
    assert merge(merge_input(fold_all([failed("normalise")]), [], None, {})).status == "failed"


@pytest.mark.parametrize(
    ("options", "found", "said"),
    [
        (Options(num_speakers=2), 1, "You asked for 2 speakers; 1 could be told apart."),
        (Options(min_speakers=3), 2, "You asked for at least 3 speakers; 2 could be told apart."),
        (Options(max_speakers=2), 3, "You asked for at most 2 speakers; 3 could be told apart."),
        (Options(num_speakers=2), 2, None),
        (Options(min_speakers=1, max_speakers=4), 2, None),
        (Options(), 7, None),
        # Nobody speaks: no number of speakers could be met, and nobody is surprised.
        (Options(num_speakers=2), 0, None),
    ],
)
def test_a_number_of_speakers_that_was_not_met_is_said(options: Options, found: int, said: str | None) -> None:
    turns = [Turn(start_s=n, end_s=n + 1, speaker=f"S{n}") for n in range(found)]
    media = MergeInput(
        media_id=MEDIA_ID,
        duration_s=60.0,
        parts=(PartSpan(part=0, start_s=0, end_s=60),),
        words=(part(0, []),),
        diarization=Diarization(media_id=MEDIA_ID, duration_s=60.0, turns=turns, engine="e", model="m"),
        options=options,
        stages=DONE,
    )
    assert merge(media).warnings == ([said] if said else [])


def test_the_language_is_that_of_most_of_the_speech() -> None:
    german = part(
        0, [spoken(n, " ja") for n in range(3)], language="de", languages=[LanguageGuess(language="de", probability=1)]
    )
    english = part(
        1,
        [spoken(60 + n, " yes") for n in range(9)],
        language="en",
        languages=[LanguageGuess(language="en", probability=0.8), LanguageGuess(language="de", probability=0.2)],
    )
    transcript = merge(MergeInput(MEDIA_ID, 120.0, words=(german, english)))
    assert transcript.language == "en"
    assert [(guess.language, guess.probability) for guess in transcript.languages] == [("en", 0.6), ("de", 0.4)]
    assert {segment.language for segment in transcript.segments} == {"de", "en"}


def test_one_stray_time_does_not_drag_the_others_along() -> None:
    words = [spoken(1, " one"), spoken(50, " two"), spoken(3, " three"), spoken(4, " four")]
    transcript = merge(MergeInput(MEDIA_ID, 60.0, words=(part(0, words),)))
    assert [word.start for word in words_of(transcript)] == [1, 1, 3, 4]


def test_parts_are_not_glued_together() -> None:
    latin = merge(MergeInput(MEDIA_ID, 120.0, words=(part(0, [spoken(59, " left")]), part(1, [spoken(60, "right")]))))
    eastern = merge(MergeInput(MEDIA_ID, 120.0, words=(part(0, [spoken(59, "你")]), part(1, [spoken(60, "好")]))))
    assert (latin.text, eastern.text) == ("left right", "你好")
