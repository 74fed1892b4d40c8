"""What somebody corrected in a transcript: the event that tells of it, and the artifact with its words."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Contract, Fact
from polyvox.contracts.transcript import Span


class SegmentCorrection(Contract):
    """From ``start`` to ``end``, in seconds, ``after`` was said, where the transcript said ``before``.

    ``after`` "" removes what was there.
    """

    start: float
    end: float
    before: str
    after: str


class SpeakerCorrection(Contract):
    """Who ``speaker`` is. ``name`` None takes a name away."""

    speaker: str
    name: str | None
    spoken: list[Span] = []
    """When that speaker spoke, by which they are known again when speakers are told apart anew."""


class Correction(Contract):
    """Artifact ``corrections/{correction}.json``: what one person put right in one go."""

    media_id: str
    correction: str
    author: str | None = None
    segments: list[SegmentCorrection] = []
    speakers: list[SpeakerCorrection] = []


class TranscriptCorrected(Fact):
    """Somebody corrected a transcript, or took a correction back.

    The next version of the result has it, and every one after: corrections are made again on
    whatever words and speakers replays bring.
    """

    TYPE: ClassVar[str] = "polyvox.transcript-corrected.v1"
    TOPIC: ClassVar[str] = "transcript-corrected"

    correction: str
    correction_key: str | None = None
    """Where its words lie; None when it takes another one back."""
    takes_back: str | None = None
    """The correction that counts no longer."""
    version: int
    """The version of the result that was looked at."""
    corrected_at: datetime
    """Later than that of every earlier correction of the recording: they count in this order."""

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, self.correction)
