"""Stretches of a part are to be listened to a second time: somebody spoke there, and no word was written."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from polyvox.contracts.artifacts import SpeechRegion
from polyvox.contracts.envelope import Fact
from polyvox.contracts.options import Options
from polyvox.contracts.part_ready import AudioSlice


class RetakeReady(Fact):
    """``retake`` names the attempt: it follows from the words, the stretches and the settings, so asking again
    is asking for the same."""

    TYPE: ClassVar[str] = "polyvox.retake-ready.v1"
    TOPIC: ClassVar[str] = "retake-ready"

    retake: str
    batch: list[str]
    """The retakes that were asked for together, this one among them: their words become one new result."""
    version: int
    """The result whose gaps they are."""
    part: int
    part_count: int
    start_s: float
    end_s: float
    audio: AudioSlice
    """The whole part: seconds of ``start_s`` to ``end_s``."""
    words_key: str
    """What was written of the part at first."""
    stretches: list[SpeechRegion] = Field(min_length=1)
    """Seconds from the start of the recording."""
    speech_from: float = Field(gt=0.0, lt=1.0)
    """The probability from which a sound counts as speech."""
    language: str | None = None
    """What the part's words are in."""
    options: Options = Options()

    def key(self) -> str:
        """A key of its own: the parts of one recording spread over all transcribers."""
        return f"{self.media_id}/{self.part}"

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.part), self.retake)

    def weight_s(self) -> float:
        return sum(stretch.end_s - stretch.start_s for stretch in self.stretches)
