"""A recording and everything made from it was removed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from polyvox.contracts.envelope import Fact


class MediaDeleted(Fact):
    TYPE: ClassVar[str] = "polyvox.media-deleted.v1"
    TOPIC: ClassVar[str] = "media-deleted"

    deleted_at: datetime
    reason: str | None = Field(default=None, max_length=64)
    """``retention``: it was older than its tenant keeps text. None: somebody asked for it."""
