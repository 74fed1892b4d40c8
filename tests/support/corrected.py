"""Transcripts to correct, made of sentences, and corrections of them, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from polyvox.contracts import (
    Correction,
    Transcript,
    TranscriptSegment,
    TranscriptSpeaker,
    TranscriptTurn,
    TranscriptWord,
)
from results_api.corrections.applying import corrected
from results_api.corrections.making import Asked, correction_of
from tests.support.events import MEDIA_ID

WORD_S = 0.5


def sentence(text: str, start_s: float, speaker: str | None = "S1", *, word_s: float = WORD_S) -> TranscriptSegment:
    """Two words a second; a pause of a fifth after each."""
    words = [
        TranscriptWord(
            word=f" {word}",
            start=round(start_s + n * word_s, 3),
            end=round(start_s + (n + 0.8) * word_s, 3),
            probability=0.5,
            speaker=speaker,
        )
        for n, word in enumerate(text.split())
    ]
    return TranscriptSegment(
        id=0, start=words[0].start, end=words[-1].end, text=text, speaker=speaker, language="en", words=words
    )


def transcript(*segments: TranscriptSegment, turns: Sequence[tuple[float, float, str]] = ()) -> Transcript:
    """``turns``: (start, end, speaker); without any, each segment is one."""
    spoken = list(turns) or [(one.start, one.end, one.speaker) for one in segments if one.speaker]
    who = sorted({speaker for _, _, speaker in spoken})
    numbered = [one.model_copy(update={"id": number}) for number, one in enumerate(segments)]
    return Transcript(
        media_id=MEDIA_ID,
        status="completed",
        duration=max([0.0, *(one.end for one in segments)]),
        text=" ".join(one.text for one in segments),
        speakers=[TranscriptSpeaker(id=one, label=f"Speaker {n}", speech=1.0) for n, one in enumerate(who, 1)],
        turns=[TranscriptTurn(start=start_s, end=end_s, speaker=speaker) for start_s, end_s, speaker in spoken],
        segments=numbered,
    )


def correction(
    of: Transcript,
    segments: Mapping[int, str] | None = None,
    speakers: Mapping[str, str | None] | None = None,
    *,
    id: str = "c1",
) -> Correction:
    return correction_of(id, of, Asked(segments or {}, speakers or {}))


def texts(of: Transcript) -> list[str]:
    return [segment.text for segment in of.segments]


def said_after(machine: Transcript, *corrections: Correction) -> list[str]:
    """What the segments say, all corrections placed."""
    made = corrected(machine, corrections)
    assert made.unplaced == []
    return texts(made)
