"""What of a segment is shown, and where in it the words are that were searched for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from results_api.search.asked import Term
from results_api.search.words import words

SNIPPET_CHARS = 240
_BEFORE_CHARS = 60


def snippet(text: str, asked: Sequence[Term]) -> tuple[str, list[tuple[int, int]]]:
    """The text, or of a long one what is around the first match; and matches as ``[start, end)`` of it."""
    found = matches(text, asked)
    if len(text) <= SNIPPET_CHARS:
        return text, found
    first = found[0][0] if found else 0
    start = max(0, min(first - _BEFORE_CHARS, len(text) - SNIPPET_CHARS))
    if start and " " in text[start:first]:
        start = text.index(" ", start) + 1
    end = start + SNIPPET_CHARS
    if end < len(text) and " " in text[first + 1 : end]:
        end = text.rindex(" ", first + 1, end)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    shown = [(begin + shift, min(stop, end) + shift) for begin, stop in found if start <= begin < end]
    return f"{before}{text[start:end]}{after}", shown


def matches(text: str, asked: Sequence[Term]) -> list[tuple[int, int]]:
    """In order, none touching another."""
    said = words(text)
    hits = sorted(
        (said[place].start, said[place + len(term.words) - 1].end)
        for place in range(len(said))
        for term in asked
        if term.at(said, place)
    )
    joined: list[tuple[int, int]] = []
    for start, end in hits:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def html(text: str, found: Sequence[tuple[int, int]]) -> str:
    """``text`` as HTML, with matches in ``<mark>`` and everything else escaped."""
    made, place = "", 0
    for start, end in found:
        made += f"{escape(text[place:start])}<mark>{escape(text[start:end])}</mark>"
        place = end
    return made + escape(text[place:])
