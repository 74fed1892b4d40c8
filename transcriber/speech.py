"""From speech probabilities to regions of speech. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Region = tuple[float, float]
"""(start, end) in seconds."""

FRAME_S = 0.032
"""What one probability stands for: 512 samples at 16 kHz."""

ON = 0.5
OFF = 0.35
"""Speech begins at ``ON`` and ends below ``OFF``, Silero's own hysteresis."""

MIN_SPEECH_S = 0.1
MIN_SILENCE_S = 0.3


def find_regions(
    probabilities: NDArray[np.float32],
    *,
    duration_s: float,
    min_speech_s: float = MIN_SPEECH_S,
    min_silence_s: float = MIN_SILENCE_S,
    speech_from: float = ON,
) -> list[Region]:
    """Regions of speech, in order, apart by at least ``min_silence_s``, within [0, duration_s].

    Args:
        probabilities: shape (n,), one for each ``FRAME_S``.
        speech_from: speech begins at this probability and ends as much below it as usual, in proportion.
    """
    found: list[list[float]] = []
    speaking = False
    speech_until = speech_from * OFF / ON
    for index, probability in enumerate(probabilities.tolist()):
        at_s = index * FRAME_S
        if not speaking and probability >= speech_from:
            speaking = True
            if found and at_s - found[-1][1] < min_silence_s:
                continue
            found.append([at_s, at_s])
        elif speaking and probability < speech_until:
            speaking = False
            found[-1][1] = at_s
    if speaking:
        found[-1][1] = duration_s
    bounded = [(start_s, min(end_s, duration_s)) for start_s, end_s in found]
    return [(start_s, end_s) for start_s, end_s in bounded if end_s - start_s >= min_speech_s]


def split_long(
    regions: Sequence[Region], probabilities: NDArray[np.float32], *, max_s: float, tail_s: float = 15.0
) -> list[Region]:
    """Cut regions longer than ``max_s`` where speech is least likely in the last ``tail_s`` before the limit."""
    pieces: list[Region] = []
    for start_s, end_s in regions:
        while end_s - start_s > max_s:
            first = int((start_s + max(max_s - tail_s, max_s / 2)) / FRAME_S)
            last = max(int((start_s + max_s) / FRAME_S), first + 1)
            considered = probabilities[first:last]
            cut = first + int(np.argmin(_smooth(considered))) if considered.size else last - 1
            cut_s = min(cut * FRAME_S + FRAME_S / 2, start_s + max_s)
            pieces.append((start_s, cut_s))
            start_s = cut_s  # noqa: PLW2901 - what is left of the region
        pieces.append((start_s, end_s))
    return pieces


def _smooth(values: NDArray[np.float32], width: int = 5) -> NDArray[np.float32]:
    """Moving average, so that a cut falls into a pause and not into one odd frame."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1 / width, np.float32), mode="valid")


def total_s(regions: Sequence[Region]) -> float:
    return sum(end_s - start_s for start_s, end_s in regions)


def subtract(regions: Sequence[Region], covered: Sequence[Region]) -> list[Region]:
    """What of ``regions`` no region of ``covered`` covers; both in order of their starts."""
    left: list[Region] = []
    for start_s, end_s in regions:
        at_s = start_s
        for covered_start_s, covered_end_s in covered:
            if covered_end_s <= at_s:
                continue
            if covered_start_s >= end_s:
                break
            if covered_start_s > at_s:
                left.append((at_s, covered_start_s))
            at_s = max(at_s, covered_end_s)
        if at_s < end_s:
            left.append((at_s, end_s))
    return left
