"""What a second attempt at stretches of a part heard is in the object store."""

from __future__ import annotations

from typing import ClassVar

from polyvox.contracts.envelope import Fact


class RetakeTranscribed(Fact):
    TYPE: ClassVar[str] = "polyvox.retake-transcribed.v1"
    TOPIC: ClassVar[str] = "retake-transcribed"

    retake: str
    part: int
    words_key: str
    """Where the second attempt's words are, if there are any."""
    engine: str
    model: str
    language: str | None = None
    word_count: int
    audio_s: float
    """Seconds of the stretches."""
    speech_s: float
    """Of them, those in which speech was heard."""
    processing_s: float = 0.0

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.part), self.retake)
