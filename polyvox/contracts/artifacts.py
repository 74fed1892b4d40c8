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
    language: str | None = None
    """What it was taken to be spoken in; None: the part's language."""
    reason: str | None = None
    """Why it looks made up, one of polyvox.contracts.reasons; None: it does not."""


class LanguageGuess(Contract):
    language: str
    probability: float = Field(ge=0.0, le=1.0)


class SpeechRegion(Contract):
    start_s: float
    end_s: float


class SuspectWords(Contract):
    """Words that look made up. ``reason`` is one of polyvox.contracts.reasons.

    They are in ``words`` and not among the part's; where ``words`` is empty they are among the part's.
    """

    start_s: float
    end_s: float
    text: str
    reason: str
    words: list[Word] = []


class PartWords(Contract):
    """Artifact ``parts/{n}/words-{options_hash}.json``, of a second attempt ``parts/{n}/retake-{retake}.json``."""

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
    """What is not to be trusted, and why."""
    stretches: list[SpeechRegion] = []
    """Of a second attempt: what it listened to, and nothing else."""
    estimated: bool = False
    """The model gives no times of words: theirs follow from the length of the text and from where somebody speaks."""
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
    channel: int | None = None
    """Of the recording, from 0, where the speaker is one."""


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
    warnings: list[str] = []
    """Sentences for the person who uploaded the recording."""
    engine: str
    model: str
