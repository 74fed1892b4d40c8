"""Cuts what is said into pieces between which a line may break, each with its time. Pure.

Where lines may break is Unicode's business (UAX #14, by ICU): no line begins with a closing mark, Japanese breaks
between phrases, Thai between words that no space parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from icu4py.breakers import CharacterBreaker, LineBreaker

from polyvox.contracts import TranscriptSegment
from results_api.formats.style import columns
from results_api.merge.writing import ends_clause, ends_sentence

STRICT = "ja@lb=strict"
PHRASES = "ja@lb=strict;lw=phrase"
"""The language only matters for Japanese; in other scripts nothing depends on it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``text`` ends with its space, if any; ``columns`` leaves that out, ``space`` is its width.

    ``words``: (offset into ``text``, start in seconds) of each that begins here.
    ``ends``: 2 at the end of a sentence or segment, 1 of a clause, else 0.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[tuple[int, float], ...] = ()
    ends: int = 0
    columns: int = 0
    space: int = 0


@dataclass(frozen=True, slots=True)
class _Spoken:
    """The text of a segment and when each of its characters is said; all lists are as long as ``text``."""

    text: str
    starts_s: list[float]
    ends_s: list[float]
    words: list[tuple[int, float]]


def pieces(segment: TranscriptSegment, line_columns: int) -> list[Piece]:
    """What is said in order; no piece is wider than a line, and their texts joined are the segment's."""
    spoken = _spoken(segment)
    cuts = [part for start, end in _breaks(spoken.text) for part in _narrow(spoken.text, start, end, line_columns)]
    made = [_piece(spoken, start, end) for start, end in cuts if spoken.text[start:end].strip()]
    if made:
        last = made[-1]
        made[-1] = Piece(last.start_s, last.end_s, last.text, last.words, 2, last.columns, last.space)
    return made


def _spoken(segment: TranscriptSegment) -> _Spoken:
    text, starts_s, ends_s, words = "", list[float](), list[float](), list[tuple[int, float]]()
    for word in segment.words:
        bare = " ".join(word.word.split())
        if not bare:
            continue
        if text and word.word[:1].isspace():
            text += " "
            starts_s.append(word.start)
            ends_s.append(word.start)
        words.append((len(text), word.start))
        step_s = (word.end - word.start) / len(bare)
        text += bare
        starts_s += [word.start + step_s * n for n in range(len(bare))]
        ends_s += [word.start + step_s * (n + 1) for n in range(len(bare))]
    return _Spoken(text, starts_s, ends_s, words)


def _breaks(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of ``text``, whose ends are good for phrases and allowed by the strict rules as well."""
    allowed = {end for _, end in LineBreaker(text, STRICT).segments()}
    start = 0
    for _, end in LineBreaker(text, PHRASES).segments():
        if end in allowed:
            yield start, end
            start = end
    if start < len(text):
        yield start, len(text)


def _narrow(text: str, start: int, end: int, line_columns: int) -> Iterator[tuple[int, int]]:
    """A stretch that is wider than a line, cut into parts of half a line, between characters as people see them."""
    if columns(text[start:end].rstrip()) <= line_columns:
        yield start, end
        return
    begin, used = start, 0
    for first, last in CharacterBreaker(text[start:end], STRICT).segments():
        width = columns(text[start + first : start + last])
        if used and used + width > max(line_columns // 2, 2):
            yield begin, start + first
            begin, used = start + first, 0
        used += width
    yield begin, end


def _piece(spoken: _Spoken, start: int, end: int) -> Piece:
    text = spoken.text[start:end]
    bare = text.rstrip()
    last = start + len(bare) - 1
    following = spoken.text[end:].partition(" ")[0] or None
    ends = 2 if ends_sentence(bare, following) else 1 if ends_clause(bare) else 0
    return Piece(
        start_s=spoken.starts_s[start],
        end_s=max(spoken.ends_s[last], spoken.starts_s[start]),
        text=text,
        words=tuple((offset - start, at_s) for offset, at_s in _between(spoken.words, start, end)),
        ends=ends,
        columns=columns(bare),
        space=columns(text) - columns(bare),
    )


def _between(words: Sequence[tuple[int, float]], start: int, end: int) -> list[tuple[int, float]]:
    return [word for word in words if start <= word[0] < end]
