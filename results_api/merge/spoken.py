"""A word on its way into the transcript: what the transcriber wrote and what the merge found out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

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


class SpokenWord(NamedTuple):
    """``speaker`` None: speakers are not known (yet). ``reason``: why it looks made up, if it does.

    A tuple, since a recording has thousands, each made anew by every step.
    """

    start_s: float
    end_s: float
    text: str
    probability: float = 1.0
    speaker: str | None = None
    overlap: bool = False
    reason: str | None = None
    language: str | None = None

    def published(self) -> TranscriptWord:
        return TranscriptWord(
            word=self.text,
            start=seconds(self.start_s),
            end=seconds(self.end_s),
            probability=round(self.probability, 4),
            speaker=self.speaker,
            overlap=self.overlap,
            suspect=self.reason is not None,
            reason=self.reason,
        )


def seconds(value_s: float) -> float:
    return round(value_s, TIME_DIGITS)
