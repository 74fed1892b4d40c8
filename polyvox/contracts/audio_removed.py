"""The audio of a finished recording was removed; its result stays."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from polyvox.contracts.envelope import Fact


class AudioRemoved(Fact):
    TYPE: ClassVar[str] = "polyvox.audio-removed.v1"
    TOPIC: ClassVar[str] = "audio-removed"

    removed_at: datetime
    reason: str | None = Field(default=None, max_length=64)
    """``retention``: it was older than its tenant keeps audio."""
