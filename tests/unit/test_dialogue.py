"""A small dialogue of two speakers, from words and turns to every way it is written."""

from __future__ import annotations

import pytest

from polyvox.contracts import (
    Diarization,
    PartSpan,
    PartWords,
    SpeechRegion,
    StageReport,
    Transcript,
    Turn,
    Word,
)
from results_api.formats.render import rttm, text
from results_api.formats.subtitles import srt, vtt
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput

MEDIA_ID = "dialogue-1"

TEXT = """\
[00:00:00.5 - 00:00:01.8] Speaker 1: Did you see Mr. Brown?
[00:00:02.0 - 00:00:03.0] Speaker 2: Yes. He left.
[00:00:03.0 - 00:00:03.8] Speaker 1: At 3.5 & a half?
[00:00:09.0 - 00:00:09.4] Unknown: Hm.
"""

SRT = """\
1
00:00:00,500 --> 00:00:01,800
Speaker 1: Did you see Mr. Brown?

2
00:00:02,000 --> 00:00:03,000
Speaker 2: Yes. He left.

3
00:00:03,000 --> 00:00:04,000
Speaker 1: At 3.5 & a half?

4
00:00:09,000 --> 00:00:10,000
Unknown: Hm.
"""

VTT = """\
WEBVTT

00:00:00.500 --> 00:00:01.800
<v Speaker 1>Did you see Mr. Brown?</v>

00:00:02.000 --> 00:00:03.000
<v Speaker 2>Yes. He left.</v>

00:00:03.000 --> 00:00:04.000
<v Speaker 1>At 3.5 &amp; a half?</v>

00:00:09.000 --> 00:00:10.000
<v Unknown>Hm.</v>
"""

RTTM = """\
SPEAKER dialogue-1 1 0.400 1.500 <NA> <NA> B <NA> <NA>
SPEAKER dialogue-1 1 1.950 1.150 <NA> <NA> A <NA> <NA>
SPEAKER dialogue-1 1 2.900 1.000 <NA> <NA> B <NA> <NA>
"""


@pytest.fixture
def transcript() -> Transcript:
    times = [
        *((0.5, 0.7, " Did"), (0.7, 0.9, " you"), (0.9, 1.2, " see"), (1.2, 1.4, " Mr."), (1.4, 1.8, " Brown?")),
        *((2.0, 2.3, " Yes."), (2.4, 2.6, " He"), (2.6, 3.1, " left.")),
        *((3.0, 3.2, " At"), (3.2, 3.3, " 3"), (3.3, 3.4, ".5"), (3.4, 3.5, " &"), (3.5, 3.6, " a")),
        *((3.6, 3.8, " half?"), (9.0, 9.4, " Hm.")),
    ]
    words = [Word(start_s=start, end_s=end, text=said, probability=0.9) for start, end, said in times]
    turns = [
        Turn(start_s=0.4, end_s=1.9, speaker="B"),
        Turn(start_s=1.95, end_s=3.1, speaker="A"),
        Turn(start_s=2.9, end_s=3.9, speaker="B"),
    ]
    exclusive = [*turns[:1], Turn(start_s=1.95, end_s=3.0, speaker="A"), Turn(start_s=3.0, end_s=3.9, speaker="B")]
    part = PartWords(
        media_id=MEDIA_ID, part=0, start_s=0, end_s=10, language="en", words=words, engine="whisper", model="base"
    )
    diarization = Diarization(
        media_id=MEDIA_ID,
        duration_s=10,
        turns=turns,
        exclusive_turns=exclusive,
        speech=[SpeechRegion(start_s=0.4, end_s=3.9), SpeechRegion(start_s=5.0, end_s=7.5)],
        engine="pyannote",
        model="builtin",
    )
    stages = {name: StageReport(status="done") for name in ("normalise", "transcribe", "diarize")}
    return merge(
        MergeInput(MEDIA_ID, 10.0, (PartSpan(part=0, start_s=0, end_s=10),), (part,), diarization, stages=stages)
    )


def test_the_transcript_says_who_said_what(transcript: Transcript) -> None:
    assert transcript.status == "completed"
    assert transcript.language == "en"
    assert transcript.text == "Did you see Mr. Brown? Yes. He left. At 3.5 & a half? Hm."
    assert [(speaker.id, speaker.label, speaker.speech) for speaker in transcript.speakers] == [
        ("B", "Speaker 1", 2.5),
        ("A", "Speaker 2", 1.15),
    ]
    assert [(segment.speaker, segment.start, segment.end) for segment in transcript.segments] == [
        ("B", 0.5, 1.8),
        ("A", 2.0, 2.3),
        ("A", 2.4, 3.0),
        ("B", 3.0, 3.8),
        ("unknown", 9.0, 9.4),
    ]
    assert [turn.overlap for turn in transcript.turns] == [False, True, True]


def test_the_audit_is_in_the_transcript(transcript: Transcript) -> None:
    assert [(gap.start, gap.end) for gap in transcript.coverage.gaps] == [(5.0, 7.5)]
    assert transcript.coverage.words_outside_speech == 1
    assert [(span.start, span.end) for span in transcript.coverage.suspect] == [(9.0, 9.4)]
    assert [segment.words[0].suspect for segment in transcript.segments] == [False, False, False, False, True]
    assert [(word.word, word.overlap) for segment in transcript.segments[2:4] for word in segment.words[:2]] == [
        (" He", False),
        (" left.", False),
        (" At", True),
        (" 3", False),
    ]


def test_text(transcript: Transcript) -> None:
    assert text(transcript) == TEXT


def test_srt(transcript: Transcript) -> None:
    assert srt(transcript) == SRT


def test_vtt(transcript: Transcript) -> None:
    assert vtt(transcript) == VTT


def test_rttm(transcript: Transcript) -> None:
    assert rttm(transcript) == RTTM
