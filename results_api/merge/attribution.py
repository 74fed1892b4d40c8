"""Gives every word its speaker.

The speaker is who the exclusive turns (one speaker at a time) let speak for the largest
part of the word, else the nearest of them. The full turns, which may overlap, say where
several spoke at once; there, and at borders, sentences have a say (smoothing.py). Runs in
O((words + turns) log turns) for any number of turns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from polyvox.contracts import Turn
from results_api.merge import smoothing
from results_api.merge.intervals import Interval, Measure, union
from results_api.merge.smoothing import PAUSE_S, Claim
from results_api.merge.spoken import Timed
from results_api.merge.writing import continues

UNKNOWN = smoothing.UNKNOWN

NEAREST_S = 1.0
"""How far away a turn may be to take a word that none overlaps. Word times of attention
alignment and turn borders are each off by some tenths of a second; beyond a second it is more
likely that the diarizer heard nobody than that it drew the border wrongly."""


class Attribution(NamedTuple):
    """``speaker`` is an id or ``unknown``. ``overlap``: several spoke during most of the word."""

    speaker: str
    overlap: bool


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
    several = Measure(overlaps(turns))
    followers = smoothing.smooth([words[first:end] for first, end in runs], claims, turns or exclusive_turns, several)
    speakers = [speaker for speaker, (first, end) in zip(followers, runs, strict=True) for _ in range(first, end)]
    return [
        Attribution(speaker, smoothing.mostly_inside(word.start_s, word.end_s, several))
        for speaker, word in zip(speakers, words, strict=True)
    ]


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


def _runs(words: Sequence[Timed]) -> list[tuple[int, int]]:
    """Words that are written as one, as (first, end) indices."""
    runs: list[tuple[int, int]] = []
    for index, word in enumerate(words):
        if runs and continues(word.text) and word.start_s - words[index - 1].end_s < PAUSE_S:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _claim(spans: Sequence[Interval], turns: Sequence[Turn], bound_s: float) -> list[Claim]:
    """Sweeps over words and turns together; only turns that touch a word are looked at for it."""
    pieces = _pieces(turns)
    starts = [start for start, _, _ in pieces]
    ends_last = _running_argmax([end for _, end, _ in pieces])
    claims = [Claim(UNKNOWN, 0.0)] * len(spans)
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
            claims[index] = Claim(speaker, spoken_s[speaker] / (end_s - start_s))
            continue
        after = bisect_right(starts, start_s)
        candidates = [pieces[ends_last[after - 1]]] if after else []
        candidates += pieces[after : after + 1]
        for start, end, speaker in sorted(candidates, key=lambda piece: max(start_s - piece[1], piece[0] - end_s))[:1]:
            distance_s = max(start_s - end, start - end_s, 0.0)
            if distance_s <= bound_s:
                claims[index] = Claim(speaker, 1.0 if distance_s == 0 else 0.0)
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
