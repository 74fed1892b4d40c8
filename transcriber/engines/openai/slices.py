"""Where a part is cut into requests: in pauses, nothing twice, no speech left out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transcriber.speech import ON, Region
from transcriber.windows import PAD_S, Window, padded, plan

FLAC_BYTES_PER_S = 32_400
"""More than 16 kHz of 16 bits can need: FLAC writes what it cannot compress as it is, with a few bytes a frame."""
ENVELOPE_BYTES = 65_536
"""For what a request holds besides its file."""

LONGEST_PAUSE_S = 1.0
"""Longer ones part slices whose times are worked out: no word may be put on their other side."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``by_pauses``: for models without times; slices then never reach over a pause of ``LONGEST_PAUSE_S``.

    ``most`` None: all of them; else so many slices, evenly over the part. ``stretches``, in seconds of the part:
    these alone; () is all of it. ``speech_from`` is the probability from which a sound is taken for speech.
    """

    max_s: float
    by_pauses: bool = False
    most: int | None = None
    stretches: tuple[Region, ...] = ()
    speech_from: float = ON

    @property
    def speech_s(self) -> float:
        """What a stretch of speech may last so that a slice holds it with what is kept around it."""
        return self.max_s - 2 * PAD_S


def fitting_s(max_bytes: int) -> float:
    """Seconds of audio that fit into a request of ``max_bytes``, whatever they sound like."""
    return (max_bytes - ENVELOPE_BYTES) / FLAC_BYTES_PER_S


def within(speech: Sequence[Region], stretches: Sequence[Region]) -> list[Region]:
    """What of ``speech`` lies in ``stretches``, both in order and apart; all of it where there are none."""
    if not stretches:
        return list(speech)
    return [
        (max(start_s, low_s), min(end_s, high_s))
        for low_s, high_s in stretches
        for start_s, end_s in speech
        if start_s < high_s and end_s > low_s
    ]


def slices(speech: Sequence[Region], rule: Rule, *, duration_s: float) -> list[Window]:
    """Slices that hold all of ``speech``, each region exactly once, in order, none longer than ``rule.max_s``.

    Args:
        speech: regions in order and apart, none longer than ``rule.speech_s``.
    """
    if not rule.by_pauses:
        return plan(speech, duration_s=duration_s, max_s=rule.max_s)
    edges = padded(speech, 0.0, duration_s, PAD_S)
    found = []
    for first, last in _groups(speech, rule.speech_s):
        found.append(Window(((edges[first][0], edges[last][1]),), tuple(speech[first : last + 1])))
    return found


def _groups(speech: Sequence[Region], longest_s: float) -> list[tuple[int, int]]:
    """Neighbours in groups, as (first, last), each shorter than ``longest_s`` and without a long pause inside."""
    groups: list[tuple[int, int]] = []
    first = 0
    for index in range(1, len(speech) + 1):
        ends = index == len(speech) or _pause_s(speech, index) > LONGEST_PAUSE_S
        if ends or speech[index][1] - speech[first][0] > longest_s:
            while not ends and first < index and speech[index][1] - speech[first][0] > longest_s:
                cut = _best_cut(speech, first, index)
                groups.append((first, cut - 1))
                first = cut
            if ends:
                groups.append((first, index - 1))
                first = index
    return groups


def _best_cut(speech: Sequence[Region], first: int, index: int) -> int:
    """Before which region to cut: the longest pause in the later half of ``first`` to ``index``."""
    half_s = (speech[first][0] + speech[index - 1][1]) / 2
    later = [at for at in range(first + 1, index + 1) if speech[at][0] >= half_s] or [index]
    return max(later, key=lambda at: (_pause_s(speech, at), at))


def _pause_s(speech: Sequence[Region], index: int) -> float:
    """Before the region ``index``."""
    return speech[index][0] - speech[index - 1][1]
