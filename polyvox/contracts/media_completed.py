"""A recording's transcript is finished and stored."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Fact
from polyvox.contracts.transcript import StageReport


class MediaCompleted(Fact):
    TYPE: ClassVar[str] = "polyvox.media-completed.v1"
    TOPIC: ClassVar[str] = "media-completed"

    version: int = 1
    result_key: str
    duration_s: float
    language: str | None = None
    segment_count: int
    word_count: int
    speaker_count: int
    stages: dict[str, StageReport] = {}
    metadata: dict[str, str] = {}
    corrections: int | None = None
    """How many corrections by people this version has; None: there never was one."""
    completed_at: datetime

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.version))
