"""How subtitles look: what fits on a line and in a cue, how long it stays. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from polyvox.contracts import Transcript

NARROW_COLUMNS, WIDE_COLUMNS = 42, 32
"""Customary widths of a line: 42 letters, or 16 Chinese, Japanese or Korean characters, which are two columns wide."""


@dataclass(frozen=True, slots=True)
class Style:
    """Widths in columns, in which East Asian wide characters take two; so reading speed is fair to all scripts.

    Attributes:
        line_columns: of a line at most; None: what is customary for the script.
        lines: of a cue at most.
        columns_per_s: a cue stays until it can be read at this speed, where the next one leaves it the time.
        min_s: a cue stays for so long, or shares its time with its neighbour, where that is possible.
        max_s: no cue stays longer.
        speakers: say who speaks.
        karaoke: WebVTT tells when each word is spoken.
    """

    line_columns: int | None = None
    lines: int = 2
    columns_per_s: float = 20.0
    min_s: float = 1.0
    max_s: float = 7.0
    speakers: bool = True
    karaoke: bool = False

    @property
    def min_ms(self) -> int:
        return round(min(self.min_s, self.max_s) * 1000)

    @property
    def max_ms(self) -> int:
        return round(self.max_s * 1000)

    def columns_for(self, transcript: Transcript) -> int:
        """Of a line of this transcript, at most."""
        if self.line_columns is not None:
            return self.line_columns
        letters = [character for character in transcript.text if not character.isspace()]
        is_wide = sum(map(_is_wide, letters)) * 2 > len(letters)
        return WIDE_COLUMNS if is_wide else NARROW_COLUMNS


USUAL = Style()


def columns(text: str) -> int:
    """Width in columns: East Asian wide characters take two, combining marks and invisible ones none."""
    return sum(
        0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 2 if _is_wide(character) else 1
        for character in text
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
