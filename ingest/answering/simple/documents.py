"""A transcript as the simple routes answer it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from ingest.answering.simple.fields import Asked
from polyvox.contracts import Transcript, TranscriptSegment

UNKNOWN = "unknown"
UNKNOWN_LABEL = "Unknown"


class SimpleWord(BaseModel):
    """One word; times in seconds from the start of the recording."""

    word: str
    start: float
    end: float
    probability: float
    speaker: str | None = None


class SimpleSegment(BaseModel):
    """One utterance. ``speaker`` is null where speakers were not asked for."""

    id: int
    start: float
    end: float
    text: str
    speaker: str | None = None
    words: list[SimpleWord] = Field(default=[], description="Empty without word_timestamps.")


class SimpleTranscript(BaseModel):
    """What was said, when, and by whom."""

    text: str
    language: str | None = Field(description="The language that is spoken, as an ISO 639 code.")
    duration: float = Field(description="Length of the recording in seconds.")
    segments: list[SimpleSegment]
    speakers: list[str] = Field(description="Everybody who speaks, in the order in which they begin.")


class PlainTranscript(BaseModel):
    """The words alone; with `diarize` a line for each turn, `Speaker 1: …`."""

    transcript: str


def simple(transcript: Transcript, asked: Asked) -> SimpleTranscript:
    """The answer of ``POST /transcribe``."""
    names = _names(transcript)
    return SimpleTranscript(
        text=transcript.text,
        language=transcript.language,
        duration=transcript.duration,
        segments=[
            SimpleSegment(
                id=segment.id,
                start=segment.start,
                end=segment.end,
                text=segment.text,
                speaker=names.get(segment.speaker or "", segment.speaker),
                words=[
                    SimpleWord(
                        word=word.word,
                        start=word.start,
                        end=word.end,
                        probability=word.probability,
                        speaker=names.get(word.speaker or "", word.speaker),
                    )
                    for word in (segment.words if asked.words else ())
                ],
            )
            for segment in transcript.segments
        ],
        speakers=[speaker.label for speaker in transcript.speakers],
    )


def plain(transcript: Transcript, asked: Asked) -> PlainTranscript:
    """The answer of ``POST /api/transcribe``."""
    if not asked.wanted.options.diarize or not transcript.speakers:
        return PlainTranscript(transcript=transcript.text)
    names = _names(transcript)
    lines = [
        f"{names.get(turn[0].speaker or '', UNKNOWN_LABEL)}: {_said(turn)}" for turn in _turns(transcript.segments)
    ]
    return PlainTranscript(transcript="\n".join(lines))


def _names(transcript: Transcript) -> dict[str, str]:
    return {UNKNOWN: UNKNOWN_LABEL, **{speaker.id: speaker.label for speaker in transcript.speakers}}


def _turns(segments: Sequence[TranscriptSegment]) -> list[list[TranscriptSegment]]:
    turns: list[list[TranscriptSegment]] = []
    for segment in segments:
        if not turns or turns[-1][0].speaker != segment.speaker:
            turns.append([])
        turns[-1].append(segment)
    return turns


def _said(turn: Sequence[TranscriptSegment]) -> str:
    """Words carry the space before them, where their script has one."""
    return "".join(word.word for segment in turn for word in segment.words).strip()
