"""What `polyvox watch` prints of a transcript that grows."""

from __future__ import annotations

import math
from typing import Any, Literal

from polyvox.cli.watch import news, settled_s
from polyvox.client.calls import recording
from polyvox.contracts import Transcript, TranscriptSegment, TranscriptWord
from polyvox.contracts.transcript import TranscriptSpeaker


def segment(start: float, end: float, speaker: str | None = None) -> TranscriptSegment:
    """A word a second."""
    words = [TranscriptWord(word=f" w{n}", start=n, end=n + 0.9, probability=0.9) for n in range(int(start), int(end))]
    text = "".join(word.word for word in words)
    return TranscriptSegment(id=int(start), start=start, end=end, text=text, speaker=speaker, words=words)


def transcript(*segments: TranscriptSegment) -> Transcript:
    status: Literal["processing"] = "processing"
    speakers = [TranscriptSpeaker(id="S1", label="Ada", speech=1.0)]
    return Transcript(media_id="one", status=status, duration=60.0, text="", segments=list(segments), speakers=speakers)


def test_words_are_settled_up_to_the_first_part_that_is_missing() -> None:
    def state(*statuses: str) -> Any:
        parts = [{"part": n, "start": 10.0 * n, "end": 10.0 * (n + 1), "status": s} for n, s in enumerate(statuses)]
        return recording({"media_id": "one", "status": "processing", "parts": parts})

    assert settled_s(state("running", "done")) == 0.0
    assert settled_s(state("done", "failed", "running", "done")) == 20.0
    assert settled_s(recording({"media_id": "one", "status": "queued"})) == 0.0


def test_a_segment_is_told_once_and_when_it_cannot_grow_any_more() -> None:
    first = news(transcript(segment(0, 4), segment(4, 9), segment(9, 12)), 0.0, 10.0)
    assert [(said.start, said.end) for said in first] == [(0, 4), (4, 9)]
    rest = news(transcript(segment(0, 4), segment(4, 9), segment(9, 12, "S1")), first[-1].end, math.inf)
    assert [(said.speaker, said.text) for said in rest] == [("Ada", "w9 w10 w11")]


def test_speakers_that_cut_it_anew_bring_no_word_twice_and_lose_none() -> None:
    said = news(transcript(segment(0, 6, "S1"), segment(6, 12)), 4.0, math.inf)
    assert [one.text for one in said] == ["w4 w5", "w6 w7 w8 w9 w10 w11"]
    assert said[0].start == 4.0
