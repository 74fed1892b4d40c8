"""A stage gave up on a recording or on one of its parts."""

from __future__ import annotations

from typing import ClassVar, Literal

from polyvox.contracts.envelope import Fact

Stage = Literal["normalise", "transcribe", "diarize", "merge"]
"""``merge`` joins what the others made; it speaks in media-failed alone."""


class StageFailed(Fact):
    TYPE: ClassVar[str] = "polyvox.stage-failed.v1"
    TOPIC: ClassVar[str] = "stage-failed"

    stage: Stage
    part: int | None = None
    code: str
    reason: str
    """One sentence for the person who uploaded the recording."""
    attempts: int = 1
    retake: str | None = None
    """Of a second attempt at stretches of the part, whose first words stay: which one it was."""

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, self.stage, str(self.part), *([self.retake] if self.retake else []))
