"""Arithmetic of turns: union, overlaps, one speaker at a time, naming. Pure.

Turns may overlap each other and come in any order; results are sorted by start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from diarizer.engines.base import EngineTurn

Region = tuple[float, float]
"""Start and end in seconds."""


def within(turns: Iterable[EngineTurn], duration_s: float) -> list[EngineTurn]:
    """The turns cut to the recording; what lies outside or is empty is gone."""
    cut = (EngineTurn(max(0.0, turn.start_s), min(duration_s, turn.end_s), turn.speaker) for turn in turns)
    return in_order(turn for turn in cut if turn.start_s < turn.end_s)


def in_order(turns: Iterable[EngineTurn]) -> list[EngineTurn]:
    return sorted(turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))


def union(turns: Iterable[EngineTurn]) -> list[Region]:
    """Where anybody speaks. Regions that touch are one."""
    return _joined((start, end) for start, end, speaking in _sweep(turns) if speaking)


def overlaps(turns: Iterable[EngineTurn]) -> list[Region]:
    """Where at least two different speakers speak."""
    return _joined((start, end) for start, end, speaking in _sweep(turns) if len(speaking) > 1)


def exclusive(turns: Iterable[EngineTurn]) -> list[EngineTurn]:
    """One speaker at a time, over exactly the union of ``turns``.

    Where several speak, the one who has the floor keeps it until they stop; it passes to the
    one who speaks longest on. So a backchannel inside a turn does not cut the turn in two.
    """
    result: list[EngineTurn] = []
    floor: str | None = None
    for start, end, speaking in _sweep(turns):
        if not speaking:
            floor = None
            continue
        if floor not in speaking:
            floor = max(speaking, key=lambda speaker: (speaking[speaker], speaker))
        last = result[-1] if result else None
        if last is not None and last.speaker == floor and last.end_s == start:
            result[-1] = EngineTurn(last.start_s, end, floor)
        else:
            result.append(EngineTurn(start, end, floor))
    return result


def names_by_first_speech(turns: Iterable[EngineTurn]) -> dict[str, str]:
    """From the speakers' names in ``turns`` to S1, S2, … in the order in which they first speak."""
    return {old: f"S{index}" for index, old in enumerate(dict.fromkeys(t.speaker for t in in_order(turns)), 1)}


def renamed(turns: Iterable[EngineTurn], names: dict[str, str]) -> list[EngineTurn]:
    return in_order(EngineTurn(turn.start_s, turn.end_s, names[turn.speaker]) for turn in turns)


def speech_s(turns: Iterable[EngineTurn]) -> dict[str, float]:
    """Seconds that each speaker speaks."""
    by_speaker: dict[str, list[EngineTurn]] = {}
    for turn in turns:
        by_speaker.setdefault(turn.speaker, []).append(turn)
    return {speaker: sum(end - start for start, end in union(own)) for speaker, own in by_speaker.items()}


def _sweep(turns: Iterable[EngineTurn]) -> Iterator[tuple[float, float, dict[str, float]]]:
    """Stretches between borders of turns: start, end, and who speaks there until when."""
    ordered = in_order(turns)
    borders = sorted({border for turn in ordered for border in (turn.start_s, turn.end_s)})
    active: list[EngineTurn] = []
    upcoming = 0
    for start, end in pairwise(borders):
        active = [turn for turn in active if turn.end_s > start]
        while upcoming < len(ordered) and ordered[upcoming].start_s <= start:
            if ordered[upcoming].end_s > start:
                active.append(ordered[upcoming])
            upcoming += 1
        yield start, end, _until(active)


def _until(active: Sequence[EngineTurn]) -> dict[str, float]:
    until: dict[str, float] = {}
    for turn in active:
        until[turn.speaker] = max(turn.end_s, until.get(turn.speaker, 0.0))
    return until


def _joined(regions: Iterable[Region]) -> list[Region]:
    joined: list[Region] = []
    for start, end in regions:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
