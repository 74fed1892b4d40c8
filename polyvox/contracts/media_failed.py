"""A recording ended without a transcript, for a reason a person understands."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Fact
from polyvox.contracts.stage_failed import Stage


class MediaFailed(Fact):
    TYPE: ClassVar[str] = "polyvox.media-failed.v1"
    TOPIC: ClassVar[str] = "media-failed"

    stage: Stage
    code: str
    reason: str
    metadata: dict[str, str] = {}
    failed_at: datetime
