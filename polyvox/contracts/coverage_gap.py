"""A finished transcript lacks words where somebody speaks; what could be tried has been tried."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from polyvox.contracts.artifacts import SpeechRegion
from polyvox.contracts.envelope import Fact


class CoverageGap(Fact):
    """One event for each result that has any gap and for which no second attempt is under way."""

    TYPE: ClassVar[str] = "polyvox.coverage-gap.v1"
    TOPIC: ClassVar[str] = "coverage-gap"

    version: int = 1
    speech_s: float
    """Speech that was heard where words could be expected."""
    covered_s: float
    """Of it, that with words."""
    gaps: list[SpeechRegion] = Field(min_length=1)
    """Seconds from the start of the recording."""
    retaken_s: float = 0.0
    """Seconds that were listened to a second time."""

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.version))
