"""The words of one part are in the object store."""

from __future__ import annotations

from typing import ClassVar

from polyvox.contracts.envelope import Fact


class PartTranscribed(Fact):
    TYPE: ClassVar[str] = "polyvox.part-transcribed.v1"
    TOPIC: ClassVar[str] = "part-transcribed"

    part: int
    part_count: int
    words_key: str
    options_hash: str
    engine: str
    model: str
    language: str | None = None
    word_count: int
    audio_s: float
    processing_s: float = 0.0

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.part), self.options_hash)
