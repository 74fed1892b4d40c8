"""Puts the words of all parts on one line of time: in order, inside the recording, none lost."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from polyvox.contracts import PartWords, Word
from results_api.merge.spoken import SpokenWord
from results_api.merge.writing import is_unspaced


def in_order(parts: Iterable[PartWords]) -> list[PartWords]:
    """One entry per part, by time. Should a part come twice, which one stays depends on content alone."""
    by_part: dict[int, PartWords] = {}
    for part in parts:
        other = by_part.get(part.part)
        if other is None or part.model_dump_json() > other.model_dump_json():
            by_part[part.part] = part
    return sorted(by_part.values(), key=lambda part: (part.start_s, part.part))


def lay_out(parts: Sequence[PartWords], duration_s: float, language: str | None = None) -> list[SpokenWord]:
    """All words in order of parts and, within a part, in the order they were written.

    Starts and ends never decrease, no word ends after the next one starts, and all lie
    within their part and [0, duration_s]. The few words that stand out of order are moved,
    not the many. ``language`` is that of words and parts that tell none.
    """
    words: list[tuple[Word, PartWords]] = [(word, part) for part in parts for word in part.words]
    clamped = [_clamp(word, part, duration_s) for word, part in words]
    starts_s = _starts(parts, [start for start, _ in clamped])
    laid: list[SpokenWord] = []
    for index, (word, part) in enumerate(words):
        limit_s = starts_s[index + 1] if index + 1 < len(words) else duration_s
        end_s = max(starts_s[index], min(clamped[index][1], limit_s))
        first = index > 0 and words[index - 1][1] is not part
        laid.append(
            SpokenWord(
                start_s=starts_s[index],
                end_s=end_s,
                text=spaced(words[index - 1][0].text, word.text) if first else word.text,
                probability=word.probability,
                reason=word.reason,
                language=word.language or part.language or language,
            )
        )
    return laid


def _starts(parts: Sequence[PartWords], clamped: Sequence[float]) -> list[float]:
    """Monotone within each part, so that a stray word stays in its own; then over all, should parts overlap."""
    starts: list[float] = []
    for part in parts:
        starts += _monotone(clamped[len(starts) : len(starts) + len(part.words)])
    return list(accumulate(starts, max))


def _clamp(word: Word, part: PartWords, duration_s: float) -> tuple[float, float]:
    low_s = min(max(part.start_s, 0.0), duration_s)
    high_s = max(min(part.end_s, duration_s), low_s)
    start_s = min(max(word.start_s, low_s), high_s)
    return start_s, min(max(word.end_s, start_s), high_s)


def spaced(before: str, text: str) -> str:
    """``text``, apart from the word before it where its script parts words."""
    if not before or not text or text[0].isspace() or before[-1].isspace():
        return text
    return text if is_unspaced(before[-1]) or is_unspaced(text[0]) else f" {text}"


def _monotone(values: Sequence[float]) -> list[float]:
    """Moves as few values as possible so that none is less than the one before it.

    Those on a longest non-decreasing subsequence (patience sorting) stay; each other one
    takes the value of the last of them before it, else the first after it.
    """
    tails: list[float] = []
    tail_index: list[int] = []
    previous: list[int] = []
    for index, value in enumerate(values):
        slot = bisect_right(tails, value)
        previous.append(tail_index[slot - 1] if slot else -1)
        tails[slot : slot + 1] = [value]
        tail_index[slot : slot + 1] = [index]
    kept = set()
    index = tail_index[-1] if tail_index else -1
    while index >= 0:
        kept.add(index)
        index = previous[index]
    current = values[min(kept)] if kept else 0.0
    moved: list[float] = []
    for index, value in enumerate(values):
        current = value if index in kept else current
        moved.append(current)
    return moved
