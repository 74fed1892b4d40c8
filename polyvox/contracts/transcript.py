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
    """Possibly made up by the model."""
    reason: str | None = None
    """Of a suspect word: why, one of polyvox.contracts.reasons."""
    spread: bool | None = None
    """True where a person wrote the word and nobody knows just when it is said: its time is spread between others."""


class TranscriptSegment(Contract):
    id: int
    start: float
    end: float
    text: str
    speaker: str | None = None
    language: str | None = None
    overlap: bool = False
    words: list[TranscriptWord] = []
    correction: str | None = None
    """Which correction its text comes from; None: what the machine heard."""


class TranscriptSpeaker(Contract):
    """``speech`` is this speaker's seconds of speech. ``name``: what a person calls them; it is the ``label`` then."""

    id: str
    label: str
    speech: float
    channel: int | None = None
    """Of the recording, from 0, where the speaker is one."""
    name: str | None = None
    person: str | None = None
    """Id of the enrolled person whose voice this is taken for, whose name is the ``label`` then."""


class TranscriptTurn(Contract):
    start: float
    end: float
    speaker: str
    overlap: bool = False


class Span(Contract):
    start: float
    end: float


class TranscriptSuspect(Span):
    """Words that look made up. ``reason`` is one of polyvox.contracts.reasons.

    ``left_out``: they are not among the transcript's words.
    """

    text: str
    reason: str
    left_out: bool


class Coverage(Contract):
    """The audit: speech without words, and words without speech. Seconds."""

    speech: float = 0.0
    covered: float = 0.0
    gaps: list[Span] = []
    words_outside_speech: int = 0
    suspect: list[Span] = []
    retaken: list[Span] = []
    """Where words were missing at first and a second attempt was made."""
    dismissed: list[Span] = []
    """Of ``retaken``: where the diarizer heard somebody and the second attempt heard no speech, as in music.
    It does not count as speech."""


class UnplacedCorrection(Contract):
    """What a person corrected and what does not fit the words or speakers of this version.

    ``reason``: ``other-words``, something else is said there now; ``no-such-speaker``; ``lost``, its text is gone.
    """

    correction: str
    reason: str
    start: float | None = None
    end: float | None = None
    before: str | None = None
    after: str | None = None
    speaker: str | None = None
    name: str | None = None


class TranscriptPart(Contract):
    """Who wrote the words of a part. ``estimated``: their times follow from the length of the text."""

    part: int
    start: float
    end: float
    engine: str
    model: str
    estimated: bool = False


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
    parts: list[TranscriptPart] = []
    """Those that have their words, in order."""
    coverage: Coverage = Coverage()
    suspects: list[TranscriptSuspect] = []
    """What looks made up, in order, whether it is left out or not."""
    stages: dict[str, StageReport] = {}
    versions: dict[str, str] = {}
    warnings: list[str] = []
    metadata: dict[str, str] = {}
    unplaced: list[UnplacedCorrection] = []
