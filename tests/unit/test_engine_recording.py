"""A recording in an engine: speech that words leave out is listened to again, nothing is lost, doubled or made up."""

from __future__ import annotations

import numpy as np
import pytest

from transcriber.engines.base import Effort, TranscribeOptions, Transcription
from transcriber.engines.recording import ROUNDS, Left, Recording
from transcriber.engines.windowed import Hypothesis
from transcriber.windows import plan
from transcriber.words import Placed

SPEECH = [(1.0, 21.0), (40.0, 60.0)]
SURE = Hypothesis([], "", -0.2, 0.0)
LOOPING = Hypothesis([], "", -0.2, 0.0, looping=True)


def recording(language: str | None = "en", *languages: str) -> Recording:
    audio = np.zeros(70 * 16_000, np.float32)
    options = TranscribeOptions(language=language, languages=languages)
    return Recording(audio, options, SPEECH, plan(SPEECH, duration_s=70.0))


def said(start_s: float, end_s: float, text: str | None = None, segment: int = 0) -> list[Placed]:
    """A word each half second, each another one where no text is given."""
    return [
        Placed(f" {text or f'w{at:g}'}", at, at + 0.4, 0.9, segment) for at in np.arange(start_s, end_s, 0.5).tolist()
    ]


def result(one: Recording) -> Transcription:
    return one.result(Effort())


def test_what_comes_after_the_last_word_is_listened_to_again() -> None:
    one = recording()
    first, second = one.jobs()
    (again,) = one.take(first, "en", said(1.0, 12.0), SURE)
    assert again.window.speech[0][0] > 11.5
    assert again.window.end_s >= 21.0
    assert again.audio().size < first.audio().size / 2
    assert one.take(again, "en", said(12.5, 21.0), SURE) == []
    assert one.take(second, "en", said(40.0, 60.0), SURE) == []
    starts = [word.start_s for word in result(one).words]
    assert starts == sorted(starts)
    assert len(starts) == len(set(starts)) == 22 + 17 + 40


def test_a_model_that_never_gets_on_is_not_asked_forever() -> None:
    one = recording()
    pending, asked = one.jobs(), 0
    while pending:
        left = pending.pop()
        asked += 1
        start_s = left.window.speech[0][0]
        pending += one.take(left, "en", said(start_s, start_s + 0.5), SURE)
    assert asked == 2 * (1 + ROUNDS)


def test_where_no_word_was_heard_nobody_asks_again() -> None:
    one = recording()
    assert [one.take(left, "en", [], SURE) for left in one.jobs()] == [[], []]
    assert result(one).words == []


def looped(one: Recording) -> Left:
    """The first window loops from 5 s on; gives what is to be listened to again."""
    (again,) = one.take(one.jobs()[0], "en", [*said(1.0, 5.0), *said(5.0, 20.0, "no")], LOOPING)
    return again


def test_a_loop_keeps_its_first_time_and_is_kept_apart_with_its_reason() -> None:
    one = recording()
    again = looped(one)
    assert again.window.start_s == pytest.approx(5.4, abs=0.7)
    found = result(one)
    assert [word.text for word in found.words][-2:] == [" w4.5", " no"]
    (suspect,) = found.suspects
    assert (suspect.reason, suspect.start_s, suspect.text.split()) == ("loop", 5.5, ["no"] * 29)
    assert [word.start_s for word in suspect.words] == [word.start_s for word in said(5.5, 20.0)]


def test_what_is_heard_when_a_loop_is_listened_to_again_takes_its_place() -> None:
    one = recording()
    one.take(looped(one), "en", said(6.0, 21.0), SURE)
    found = result(one)
    starts = [word.start_s for word in found.words]
    assert starts == sorted(starts)
    assert len(starts) == 8 + 1 + 30
    assert [word.start_s for suspect in found.suspects for word in suspect.words] == [5.5]


def test_a_loop_that_loops_again_is_not_kept_a_second_time() -> None:
    one = recording()
    assert one.take(looped(one), "en", said(6.0, 21.0, "no"), LOOPING) == []
    assert [word.text for word in result(one).words].count(" no") == 1


def test_a_window_keeps_its_own_language_only_when_it_is_sure() -> None:
    one = recording(None)
    for index in one.to_detect(multilingual=True):
        one.heard_languages(index, {"en": 0.7, "de": 0.2})
    first, second = one.jobs()
    assert one.is_open(first)
    assert one.settle(first, {"de": 0.95, "en": 0.05}) == "de"
    assert one.settle(second, {"de": 0.5, "en": 0.4}) == "en"
    assert not recording("en").is_open(recording("en").jobs()[0])


def test_a_little_speech_is_in_the_language_of_what_surrounds_it() -> None:
    one = recording(None)
    for index in one.to_detect(multilingual=True):
        one.heard_languages(index, {"en": 0.7, "de": 0.2})
    first = one.jobs()[0]
    (again,) = one.take(first, "de", said(1.0, 18.0), SURE)
    assert not one.is_open(again)
    assert one.language_of(again) == "de"


def test_a_recording_that_changes_its_language_keeps_both() -> None:
    one = recording(None)
    for index, heard in zip(one.to_detect(multilingual=True), ({"de": 0.9}, {"en": 0.9}), strict=True):
        one.heard_languages(index, heard)
    first, second = one.jobs()
    one.take(first, one.settle(first, {"de": 0.97, "en": 0.03}), said(1.0, 21.0), SURE)
    one.take(second, one.settle(second, {"de": 0.02, "en": 0.98}), said(40.0, 55.0), SURE)
    found = result(one)
    # What is in the recording's own language does not say so.
    assert {word.language for word in found.words if word.start_s < 30} == {None}
    assert {word.language for word in found.words if word.start_s > 30} == {"en"}
    assert found.language == "de"
    assert [code for code, _ in found.languages] == ["en", "de"]


def test_only_languages_of_the_list_are_considered() -> None:
    one = recording(None, "de", "nl")
    for index in one.to_detect(multilingual=True):
        one.heard_languages(index, {"en": 0.9, "nl": 0.06, "de": 0.04})
    first, _ = one.jobs()
    assert dict(one.languages()) == pytest.approx({"nl": 0.6, "de": 0.4})
    assert one.settle(first, {"en": 0.9, "de": 0.09, "nl": 0.01}) == "de"
    assert one.settle(first, {"en": 1.0}) == "nl"


def test_a_model_of_one_language_is_not_asked_which() -> None:
    one = recording(None)
    assert one.to_detect(multilingual=False) == []
    assert [one.language_of(left) for left in one.jobs()] == ["en", "en"]
    assert not any(map(one.is_open, one.jobs()))
