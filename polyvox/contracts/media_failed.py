"""A recording ended without a transcript, for a reason a person understands."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from polyvox.contracts.envelope import Fact
from polyvox.contracts.stage_failed import Stage


class MediaFailed(Fact):
    TYPE: ClassVar[str] = "polyvox.media-failed.v1"
    TOPIC: ClassVar[str] = "media-failed"

    version: int | None = Field(default=None, ge=2)
    """Counts the results of a recording, failures among them; None for the first."""
    stage: Stage
    code: str
    reason: str
    metadata: dict[str, str] = {}
    failed_at: datetime

    def identity(self) -> tuple[str, ...]:
        return (self.media_id,) if self.version is None else (self.media_id, str(self.version))
