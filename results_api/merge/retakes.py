"""Puts the words of a second attempt where the first one left a gap: by time, and no word twice. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from polyvox.contracts import PartWords, Word
from results_api.merge.timeline import spaced

NEAR_S = 1.0
"""A word so near to its like at the edge of a gap is that word, heard by both attempts."""
SLACK_S = 0.3
"""How far outside its stretch the middle of a word may be."""
MOST_REPEATED = 4
"""Words at an edge that both attempts may have heard."""


def joined(parts: Sequence[PartWords], retakes: Iterable[PartWords]) -> list[PartWords]:
    """``parts`` with what their retakes add to them; every word of the parts stays as it is.

    The order of ``retakes`` makes no difference: of two that heard the same stretch, the one with
    the most words goes first.
    """
    by_part: dict[int, list[PartWords]] = {}
    for retake in retakes:
        by_part.setdefault(retake.part, []).append(retake)
    return [_filled(part, by_part[part.part]) if part.part in by_part else part for part in parts]


def _filled(part: PartWords, retakes: Sequence[PartWords]) -> PartWords:
    words = sorted(part.words, key=lambda word: word.start_s) if _is_disordered(part.words) else list(part.words)
    suspects = list(part.suspects)
    for retake in sorted(retakes, key=lambda one: (-len(one.words), one.model_dump_json())):
        for stretch in sorted(retake.stretches, key=lambda one: one.start_s):
            low_s, high_s = stretch.start_s - SLACK_S, stretch.end_s + SLACK_S
            inside = [word for word in retake.words if low_s <= _middle_s(word) <= high_s]
            words = _inserted(words, sorted(inside, key=lambda word: word.start_s))
        suspects += retake.suspects
    language = part.language or next((retake.language for retake in retakes if retake.words), None)
    return part.model_copy(update={"words": words, "suspects": suspects, "language": language})


def _inserted(words: list[Word], more: Sequence[Word]) -> list[Word]:
    """``words`` with those of ``more`` that fall between two of them; all of ``more`` is from one stretch."""
    found = list(words)
    for run in _runs(words, more):
        at = bisect_left([word.start_s for word in words], run[0].start_s)
        new = _without_repeated(words[max(at - MOST_REPEATED, 0) : at], run, words[at : at + MOST_REPEATED])
        if not new:
            continue
        if at > 0:
            new[0] = new[0].model_copy(update={"text": spaced(words[at - 1].text, new[0].text)})
        place = bisect_left([word.start_s for word in found], new[0].start_s)
        found[place:place] = new
        after = place + len(new)
        if after < len(found):
            found[after] = found[after].model_copy(update={"text": spaced(new[-1].text, found[after].text)})
    return found


def _runs(words: Sequence[Word], more: Sequence[Word]) -> list[list[Word]]:
    """The words of ``more`` that lie on none of ``words``, those between the same two together."""
    runs: dict[int, list[Word]] = {}
    starts_s = [word.start_s for word in words]
    for word in more:
        at = bisect_left(starts_s, word.start_s)
        on_previous = at > 0 and words[at - 1].end_s > _middle_s(word)
        on_next = at < len(words) and words[at].start_s < _middle_s(word)
        if not on_previous and not on_next:
            runs.setdefault(at, []).append(word)
    return list(runs.values())


def _without_repeated(before: Sequence[Word], new: Sequence[Word], after: Sequence[Word]) -> list[Word]:
    """``new`` less what its beginning repeats of ``before``, and its end of ``after``."""
    first, last = 0, len(new)
    for count in range(min(len(before), len(new)), 0, -1):
        if _same(before[-count:], new[:count]):
            first = count
            break
    for count in range(min(len(after), last - first), 0, -1):
        if _same(new[last - count : last], after[:count]):
            last -= count
            break
    return list(new[first:last])


def _same(left: Sequence[Word], right: Sequence[Word]) -> bool:
    return all(
        _bare(one.text) == _bare(other.text) != "" and abs(one.start_s - other.start_s) < NEAR_S
        for one, other in zip(left, right, strict=True)
    )


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _middle_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2


def _is_disordered(words: Sequence[Word]) -> bool:
    return any(later.start_s < earlier.start_s for earlier, later in pairwise(words))
