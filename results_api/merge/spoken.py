"""A word on its way into the transcript: what the transcriber wrote and what the merge found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from polyvox.contracts import TranscriptWord

TIME_DIGITS = 3
"""Transcripts give times to the millisecond; no engine is exact to more."""


class Timed(Protocol):
    """A word of any stage: contracts.Word or SpokenWord."""

    @property
    def start_s(self) -> float: ...

    @property
    def end_s(self) -> float: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """``speaker`` None: speakers are not known (yet). ``language`` is that of the word's part."""

    start_s: float
    end_s: float
    text: str
    probability: float = 1.0
    speaker: str | None = None
    overlap: bool = False
    suspect: bool = False
    language: str | None = None

    def published(self) -> TranscriptWord:
        return TranscriptWord(
            word=self.text,
            start=seconds(self.start_s),
            end=seconds(self.end_s),
            probability=round(self.probability, 4),
            speaker=self.speaker,
            overlap=self.overlap,
            suspect=self.suspect,
        )


def seconds(value_s: float) -> float:
    return round(value_s, TIME_DIGITS)
