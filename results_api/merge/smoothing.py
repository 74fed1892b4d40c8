"""Gives words whose speaker is doubtful to whoever says the rest of their sentence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyvox.contracts import Turn
from results_api.merge.intervals import Interval, Measure, union
from results_api.merge.spoken import Timed
from results_api.merge.writing import ends_clause, ends_sentence

UNKNOWN = "unknown"

PAUSE_S = 0.3
"""Words closer than this are spoken in one breath."""

MARGINAL = 0.5
"""A word that fills less than this share of itself with its speaker's turns may be a slip."""

BACKCHANNEL_S = 1.0
"""An interjection that leaves the floor to whoever has it takes no longer."""

MAJORITY = 0.6
"""Share of a sentence's clear words that makes the sentence somebody's."""

NO_FLOOR = Measure([])


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a run of glued words belongs to, and the share of it inside that speaker's turns."""

    speaker: str
    share: float


def smooth(
    runs: Sequence[Sequence[Timed]], claims: Sequence[Claim], turns: Sequence[Turn], several: Measure
) -> list[str]:
    """What sentences know better than the borders of turns: who says each of ``runs``.

    Where several speak at once (``several``), one of them is written down, as a rule to the end of the sentence: so
    these words are whose the sentence is by its other words, if that speaker has a turn there.

    A stretch inside another speaker's sentence follows it: all in one breath, with no punctuation before, within
    or after, it is a lone word that lies for less than MARGINAL in its own speaker's turns, or it is as short as
    a backchannel and whoever speaks the sentence has a turn there as well. A backchannel that was written
    ("I think. Mhm. We should") is set apart by punctuation and keeps its speaker.

    A word at a border that lies for less than MARGINAL in its own speaker's turns goes to the side that its sentence
    is on.
    """
    speakers = [claim.speaker for claim in claims]
    floors = _floors(turns)
    _settle_stretches(runs, claims, speakers, floors)
    _settle_overlaps(runs, speakers, floors, several)
    return speakers


def mostly_inside(start_s: float, end_s: float, some: Measure) -> bool:
    """Whether at least half of a word lies in ``some``; of one without length, whether it does."""
    if end_s <= start_s:
        return some.touches(start_s, start_s)
    return some.covered_s(start_s, end_s) >= (end_s - start_s) / 2


def _settle_stretches(
    runs: Sequence[Sequence[Timed]], claims: Sequence[Claim], speakers: list[str], floors: Mapping[str, Measure]
) -> None:
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


def _settle_overlaps(
    runs: Sequence[Sequence[Timed]], speakers: list[str], floors: Mapping[str, Measure], several: Measure
) -> None:
    first = 0
    while first < len(runs):
        end = first + 1
        while end < len(runs) and _goes_on(runs[end - 1], runs[end]):
            end += 1
        at_once = [mostly_inside(run[0].start_s, run[-1].end_s, several) for run in runs[first:end]]
        clear = Counter(
            speaker
            for speaker, is_unclear in zip(speakers[first:end], at_once, strict=True)
            if not is_unclear and speaker != UNKNOWN
        )
        if any(at_once) and clear:
            speaker, count = clear.most_common(1)[0]
            # Who has hardly more of a sentence than others has no claim to the rest of it.
            floor = floors.get(speaker, NO_FLOOR) if count >= MAJORITY * clear.total() else NO_FLOOR
            for index, run in enumerate(runs[first:end], first):
                if at_once[index - first] and mostly_inside(run[0].start_s, run[-1].end_s, floor):
                    speakers[index] = speaker
        first = end


def _floors(turns: Sequence[Turn]) -> dict[str, Measure]:
    """When each speaker has a turn, alone or not."""
    spoken: dict[str, list[Interval]] = {}
    for turn in turns:
        spoken.setdefault(turn.speaker, []).append((turn.start_s, turn.end_s))
    return {speaker: Measure(union(intervals)) for speaker, intervals in spoken.items()}


def _gives_way(runs: Sequence[Sequence[Timed]], claims: Sequence[Claim], floor: Measure, first: int, end: int) -> bool:
    """Whether ``runs[first:end]`` follow those around them, whose speaker has a turn during ``floor``."""
    if not all(_flows(runs[index - 1], runs[index]) for index in range(first, end + 1)):
        return False
    if end - first == 1 and claims[first].share < MARGINAL:
        return True
    start_s, end_s = runs[first][0].start_s, runs[end - 1][-1].end_s
    return end_s - start_s <= BACKCHANNEL_S and floor.covered_s(start_s, end_s) > MARGINAL * (end_s - start_s)


def _settle_border(runs: Sequence[Sequence[Timed]], claims: Sequence[Claim], speakers: list[str], border: int) -> None:
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


def _goes_on(left: Sequence[Timed], right: Sequence[Timed]) -> bool:
    """Whether a sentence is spoken on in the same breath."""
    return right[0].start_s - left[-1].end_s < PAUSE_S and not ends_sentence(left[-1].text, right[0].text)
