"""Lines that are read from right to left, in players that would lay them out from left to right. Pure."""

from __future__ import annotations

import unicodedata

RLE, PDF = "\u202b", "\u202c"
"""Right-to-left embedding and its end: what players of SubRip understand (customary for Arabic and Hebrew)."""
RLM = "&rlm;"
"""WebVTT's right-to-left mark: the first strong character decides about a line (W3C WebVTT, section 7.4)."""


def is_rtl(text: str) -> bool:
    """Whether most letters of ``text`` are of a script that is written from right to left."""
    kinds = [unicodedata.bidirectional(character) for character in text]
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


def embedded(line: str) -> str:
    """A line of SubRip."""
    return f"{RLE}{line}{PDF}" if is_rtl(line) else line
