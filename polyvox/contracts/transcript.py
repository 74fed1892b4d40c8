"""The transcript as people read it: Whisper's field names, seconds from the start of the recording."""

from __future__ import annotations

from typing import Literal

from polyvox.contracts.artifacts import LanguageGuess
from polyvox.contracts.envelope import Contract

StageStatus = Literal["pending", "running", "done", "failed", "skipped"]


class TranscriptWord(Contract):
    word: str
    start: float
    end: float
    probability: float
    speaker: str | None = None
    overlap: bool = False
    suspect: bool = False
    """True where no speech was heard: possibly made up by the model."""


class TranscriptSegment(Contract):
    id: int
    start: float
    end: float
    text: str
    speaker: str | None = None
    language: str | None = None
    overlap: bool = False
    words: list[TranscriptWord] = []


class TranscriptSpeaker(Contract):
    """``speech`` is this speaker's seconds of speech."""

    id: str
    label: str
    speech: float


class TranscriptTurn(Contract):
    start: float
    end: float
    speaker: str
    overlap: bool = False


class Span(Contract):
    start: float
    end: float


class Coverage(Contract):
    """The audit: speech without words, and words without speech. Seconds."""

    speech: float = 0.0
    covered: float = 0.0
    gaps: list[Span] = []
    words_outside_speech: int = 0
    suspect: list[Span] = []


class StageReport(Contract):
    status: StageStatus
    reason: str | None = None
    engine: str | None = None
    model: str | None = None
    processing_s: float | None = None


class Transcript(Contract):
    """Artifact ``result.json`` and the body of ``GET /v1/media/{id}/transcript``.

    ``speaker`` of a word or segment is a speaker id, ``unknown`` where no turn is near, or
    None where speakers are not known (yet).
    """

    media_id: str
    status: Literal["processing", "completed", "failed"]
    language: str | None = None
    languages: list[LanguageGuess] = []
    duration: float
    text: str
    speakers: list[TranscriptSpeaker] = []
    turns: list[TranscriptTurn] = []
    segments: list[TranscriptSegment] = []
    coverage: Coverage = Coverage()
    stages: dict[str, StageReport] = {}
    versions: dict[str, str] = {}
    warnings: list[str] = []
    metadata: dict[str, str] = {}
