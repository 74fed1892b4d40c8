"""Gives every word its speaker.

The speaker is who the exclusive turns (one speaker at a time) let speak for the largest
part of the word, else the nearest of them. The full turns, which may overlap, only say
where several spoke at once. Runs in O((words + turns) log turns) for any number of turns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from polyvox.contracts import Turn
from results_api.merge.intervals import Interval, Measure, union
from results_api.merge.spoken import Timed
from results_api.merge.writing import continues, ends_clause

UNKNOWN = "unknown"

NEAREST_S = 1.0
"""How far away a turn may be to take a word that none overlaps. Word times of attention
alignment and turn borders are each off by some tenths of a second; beyond a second it is more
likely that the diarizer heard nobody than that it drew the border wrongly."""

PAUSE_S = 0.3
"""Words closer than this are spoken in one breath."""

MARGINAL = 0.5
"""A word that fills less than this share of itself with its speaker's turns may be a slip."""

BACKCHANNEL_S = 1.0
"""An interjection that leaves the floor to whoever has it takes no longer."""

NO_FLOOR = Measure([])


class Attribution(NamedTuple):
    """``speaker`` is an id or ``unknown``. ``overlap``: several spoke during most of the word."""

    speaker: str
    overlap: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who a run of glued words belongs to, and the share of it inside that speaker's turns."""

    speaker: str
    share: float


def assign(
    words: Sequence[Timed],
    exclusive_turns: Sequence[Turn],
    turns: Sequence[Turn],
    *,
    bound_s: float = NEAREST_S,
) -> list[Attribution]:
    """One attribution per word, in the order of ``words``; words in the order they were spoken.

    Turns may come in any order. Where no exclusive turns are given the full ones decide.
    A word glued to the one before it (`` twenty`` ``-five``) shares its speaker.
    """
    runs = _runs(words)
    spans = [(words[first].start_s, max(word.end_s for word in words[first:end])) for first, end in runs]
    claims = _claim(spans, exclusive_turns or turns, bound_s)
    followers = _smooth([words[first:end] for first, end in runs], claims, turns or exclusive_turns)
    speakers = [speaker for speaker, (first, end) in zip(followers, runs, strict=True) for _ in range(first, end)]
    several = Measure(overlaps(turns))
    return [Attribution(speaker, _mostly_inside(word, several)) for speaker, word in zip(speakers, words, strict=True)]


def overlaps(turns: Sequence[Turn]) -> list[Interval]:
    """When two or more different speakers have a turn: sorted, disjoint."""
    spoken: dict[str, list[Interval]] = {}
    for turn in turns:
        spoken.setdefault(turn.speaker, []).append((turn.start_s, turn.end_s))
    edges = sorted(
        (moment, step)
        for intervals in spoken.values()
        for start, end in union(intervals)
        for moment, step in ((start, 1), (end, -1))
    )
    counts = accumulate(step for _, step in edges)
    moments = [moment for moment, _ in edges]
    return union((start, end) for start, end, count in zip(moments, moments[1:], counts, strict=False) if count >= 2)


def _mostly_inside(word: Timed, several: Measure) -> bool:
    length_s = word.end_s - word.start_s
    if length_s <= 0:
        return several.touches(word.start_s, word.start_s)
    return several.covered_s(word.start_s, word.end_s) >= length_s / 2


def _runs(words: Sequence[Timed]) -> list[tuple[int, int]]:
    """Words that are written as one, as (first, end) indices."""
    runs: list[tuple[int, int]] = []
    for index, word in enumerate(words):
        if runs and continues(word.text) and word.start_s - words[index - 1].end_s < PAUSE_S:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _claim(spans: Sequence[Interval], turns: Sequence[Turn], bound_s: float) -> list[_Claim]:
    """Sweeps over words and turns together; only turns that touch a word are looked at for it."""
    pieces = _pieces(turns)
    starts = [start for start, _, _ in pieces]
    ends_last = _running_argmax([end for _, end, _ in pieces])
    claims = [_Claim(UNKNOWN, 0.0)] * len(spans)
    near: list[tuple[float, float, str]] = []
    cursor = 0
    for index in sorted(range(len(spans)), key=spans.__getitem__):
        start_s, end_s = spans[index]
        while cursor < len(pieces) and starts[cursor] < end_s:
            near.append(pieces[cursor])
            cursor += 1
        near = [piece for piece in near if piece[1] > start_s]
        spoken_s: dict[str, float] = {}
        for start, end, speaker in near:
            inside_s = min(end, end_s) - max(start, start_s)
            if inside_s > 0:
                spoken_s[speaker] = spoken_s.get(speaker, 0.0) + inside_s
        if spoken_s:
            # max() keeps the first of equals, and dicts keep order: the earlier turn wins a tie.
            speaker = max(spoken_s, key=spoken_s.__getitem__)
            claims[index] = _Claim(speaker, spoken_s[speaker] / (end_s - start_s))
            continue
        after = bisect_right(starts, start_s)
        candidates = [pieces[ends_last[after - 1]]] if after else []
        candidates += pieces[after : after + 1]
        for start, end, speaker in sorted(candidates, key=lambda piece: max(start_s - piece[1], piece[0] - end_s))[:1]:
            distance_s = max(start_s - end, start - end_s, 0.0)
            if distance_s <= bound_s:
                claims[index] = _Claim(speaker, 1.0 if distance_s == 0 else 0.0)
    return claims


def _running_argmax(values: Sequence[float]) -> list[int]:
    """For each position the index of the largest value up to it."""
    indices: list[int] = []
    for index, value in enumerate(values):
        indices.append(indices[-1] if indices and values[indices[-1]] >= value else index)
    return indices


def _pieces(turns: Sequence[Turn]) -> list[tuple[float, float, str]]:
    """(start, end, speaker) sorted, each speaker's touching turns joined, whatever order they came in."""
    spoken: dict[str, list[Interval]] = {}
    for turn in turns:
        spoken.setdefault(turn.speaker, []).append((turn.start_s, turn.end_s))
    return sorted((start, end, speaker) for speaker, intervals in spoken.items() for start, end in union(intervals))


def _smooth(runs: Sequence[Sequence[Timed]], claims: Sequence[_Claim], turns: Sequence[Turn]) -> list[str]:
    """What sentences know better than the borders of turns.

    A stretch inside another speaker's sentence follows it: all in one breath, with no punctuation before, within
    or after, it is a lone word that lies for less than MARGINAL in its own speaker's turns, or it is as short as
    a backchannel and whoever speaks the sentence has a turn there as well. A backchannel that was written
    ("I think. Mhm. We should") is set apart by punctuation and keeps its speaker.

    A word at a border that lies for less than MARGINAL in its own speaker's turns goes to the side that its sentence
    is on.
    """
    speakers = [claim.speaker for claim in claims]
    floors = _floors(turns)
    first = 0
    while first < len(runs):
        end = first + 1
        while end < len(runs) and speakers[end] == speakers[first]:
            end += 1
        around = speakers[first - 1] if first > 0 and end < len(runs) and speakers[first - 1] == speakers[end] else None
        if around not in (None, UNKNOWN) and _gives_way(runs, claims, floors.get(around, NO_FLOOR), first, end):
            speakers[first:end] = [around] * (end - first)
        elif end < len(runs):
            _settle_border(runs, claims, speakers, end)
        first = end
    return speakers


def _floors(turns: Sequence[Turn]) -> dict[str, Measure]:
    """When each speaker has a turn, alone or not."""
    spoken: dict[str, list[Interval]] = {}
    for turn in turns:
        spoken.setdefault(turn.speaker, []).append((turn.start_s, turn.end_s))
    return {speaker: Measure(union(intervals)) for speaker, intervals in spoken.items()}


def _gives_way(runs: Sequence[Sequence[Timed]], claims: Sequence[_Claim], floor: Measure, first: int, end: int) -> bool:
    """Whether ``runs[first:end]`` follow those around them, whose speaker has a turn during ``floor``."""
    if not all(_flows(runs[index - 1], runs[index]) for index in range(first, end + 1)):
        return False
    if end - first == 1 and claims[first].share < MARGINAL:
        return True
    start_s, end_s = runs[first][0].start_s, runs[end - 1][-1].end_s
    return end_s - start_s <= BACKCHANNEL_S and floor.covered_s(start_s, end_s) > MARGINAL * (end_s - start_s)


def _settle_border(runs: Sequence[Sequence[Timed]], claims: Sequence[_Claim], speakers: list[str], border: int) -> None:
    """``border`` is the first of another speaker's. At most one word changes sides."""
    last = border - 1
    if UNKNOWN in (speakers[last], speakers[border]) or not _flows(runs[last], runs[border]):
        return
    if claims[border].share < MARGINAL and ends_clause(runs[border][-1].text):
        speakers[border] = speakers[last]
    elif claims[last].share < MARGINAL and last > 0 and ends_clause(runs[last - 1][-1].text):
        speakers[last] = speakers[border]


def _flows(left: Sequence[Timed], right: Sequence[Timed]) -> bool:
    return right[0].start_s - left[-1].end_s < PAUSE_S and not ends_clause(left[-1].text)
