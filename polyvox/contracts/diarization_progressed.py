"""The diarizer has listened to another stretch of a long recording."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from polyvox.contracts.envelope import Fact


class DiarizationProgressed(Fact):
    """Recordings that are listened to in one go have none."""

    TYPE: ClassVar[str] = "polyvox.diarization-progressed.v1"
    TOPIC: ClassVar[str] = "diarization-progressed"

    options_hash: str
    heard_s: float = Field(ge=0.0)
    """Seconds from the start of the recording that are done with."""
    audio_s: float = Field(ge=0.0)
    """Seconds of the whole recording."""

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, self.options_hash, f"{self.heard_s:.3f}")
