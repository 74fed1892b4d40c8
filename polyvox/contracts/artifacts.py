"""What the stages leave in the object store for the merge. All times are seconds from the
start of the recording, whatever part they come from."""

from __future__ import annotations

from pydantic import Field

from polyvox.contracts.envelope import Contract


class Word(Contract):
    """One word; ``text`` keeps Whisper's leading space, so that joining words gives the text."""

    start_s: float
    end_s: float
    text: str
    probability: float = Field(ge=0.0, le=1.0)
    segment: int = 0
    """Index of the engine's own segment within the part."""


class LanguageGuess(Contract):
    language: str
    probability: float = Field(ge=0.0, le=1.0)


class SpeechRegion(Contract):
    start_s: float
    end_s: float


class SuspectWords(Contract):
    """Words that look made up. ``reason``: ``loop``, they repeat themselves, or ``doubt``, the model doubts them."""

    start_s: float
    end_s: float
    text: str
    reason: str


class PartWords(Contract):
    """Artifact ``parts/{n}/words-{options_hash}.json``."""

    media_id: str
    part: int
    start_s: float
    end_s: float
    language: str | None = None
    languages: list[LanguageGuess] = []
    """The five most probable languages, most probable first; [] when it was given or no speech."""
    words: list[Word]
    speech: list[SpeechRegion] = []
    """What the transcriber's voice activity detector heard."""
    suspects: list[SuspectWords] = []
    """What of ``words`` is not to be trusted, and why."""
    engine: str
    model: str


class Turn(Contract):
    """One speaker speaks."""

    start_s: float
    end_s: float
    speaker: str


class SpeakerEmbedding(Contract):
    speaker: str
    vector: list[float]
    speech_s: float


class Diarization(Contract):
    """Artifact ``diarization-{options_hash}.json``."""

    media_id: str
    duration_s: float
    turns: list[Turn]
    """May overlap each other; sorted by start."""
    exclusive_turns: list[Turn] = []
    """One speaker at a time: what words are assigned by."""
    overlaps: list[SpeechRegion] = []
    speech: list[SpeechRegion] = []
    speakers: list[SpeakerEmbedding] = []
    engine: str
    model: str
