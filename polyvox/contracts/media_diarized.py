"""Turns, overlaps and speaker embeddings of a whole recording are in the object store."""

from __future__ import annotations

from typing import ClassVar

from polyvox.contracts.envelope import Fact


class MediaDiarized(Fact):
    TYPE: ClassVar[str] = "polyvox.media-diarized.v1"
    TOPIC: ClassVar[str] = "media-diarized"

    diarization_key: str
    options_hash: str
    engine: str
    model: str
    speaker_count: int
    audio_s: float
    processing_s: float = 0.0

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, self.options_hash)
