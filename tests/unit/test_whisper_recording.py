"""A recording in the batch: speech that words leave out is listened to again, and nothing is lost or doubled."""

from __future__ import annotations

import numpy as np

from transcriber.engines.base import TranscribeOptions
from transcriber.engines.whisper.batch import Job
from transcriber.engines.whisper.recording import Recording
from transcriber.engines.windowed import ROUNDS
from transcriber.windows import plan
from transcriber.words import Placed

SPEECH = [(1.0, 21.0), (40.0, 60.0)]


def recording(language: str | None = "en") -> Recording:
    audio = np.zeros(70 * 16_000, np.float32)
    return Recording(audio, TranscribeOptions(language=language), SPEECH, plan(SPEECH, duration_s=70.0))


def said(start_s: float, end_s: float) -> list[Placed]:
    """A word each half second."""
    return [Placed(f" w{at:g}", at, at + 0.4, 0.9, 0) for at in np.arange(start_s, end_s, 0.5).tolist()]


def test_what_comes_after_the_last_word_is_listened_to_again() -> None:
    one = recording()
    first, second = one.jobs()
    (again,) = one.take(first.owner, said(1.0, 12.0), None)
    assert again.owner.window.speech[0][0] > 11.5
    assert again.owner.window.end_s >= 21.0
    assert again.audio.size < first.audio.size / 2
    assert one.take(again.owner, said(12.5, 21.0), None) == []
    assert one.take(second.owner, said(40.0, 60.0), None) == []
    starts = [word.start_s for word in one.result().words]
    assert starts == sorted(starts)
    assert len(starts) == len(set(starts)) == 22 + 17 + 40


def test_a_model_that_never_gets_on_is_not_asked_forever() -> None:
    one = recording()
    pending, asked = one.jobs(), 0
    while pending:
        job = pending.pop()
        asked += 1
        start_s = job.owner.window.speech[0][0]
        pending += one.take(job.owner, said(start_s, start_s + 0.5), None)
    assert asked == 2 * (1 + ROUNDS)


def test_where_no_word_was_heard_nobody_asks_again() -> None:
    one = recording()
    assert [one.take(job.owner, [], None) for job in one.jobs()] == [[], []]
    assert one.result().words == []


def test_suspects_say_when_what_and_why() -> None:
    one = recording()
    (job, _) = one.jobs()
    one.take(job.owner, [Placed(" no", 2.0, 2.5, 0.2, 0), Placed(" no", 2.5, 21.0, 0.2, 0)], "loop")
    (suspect,) = one.result().suspects
    assert (suspect.start_s, suspect.end_s, suspect.text, suspect.reason) == (2.0, 21.0, "no no", "loop")


def test_a_window_keeps_its_own_language_only_when_it_is_sure() -> None:
    one = recording(None)
    one.heard_languages([("en", 0.7), ("de", 0.2)])
    job: Job = one.jobs()[0]
    assert job.settle_language is not None
    assert job.settle_language({"de": 0.95, "en": 0.05}) == "de"
    assert job.settle_language({"de": 0.5, "en": 0.4}) == "en"
    assert recording("en").jobs()[0].settle_language is None
