"""A recording ended without a transcript, for a reason a person understands."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Fact
from polyvox.contracts.stage_failed import Stage


class MediaFailed(Fact):
    TYPE: ClassVar[str] = "polyvox.media-failed.v1"
    TOPIC: ClassVar[str] = "media-failed"

    version: int = 1
    """Counts the results of a recording, failures among them."""
    stage: Stage
    code: str
    reason: str
    metadata: dict[str, str] = {}
    failed_at: datetime

    def identity(self) -> tuple[str, ...]:
        # The first failure keeps the id it had before results were counted.
        return (self.media_id,) if self.version == 1 else (self.media_id, str(self.version))
