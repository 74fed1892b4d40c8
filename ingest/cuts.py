"""Where to cut a recording into parts: inside pauses, near the end of what a part may hold. Pure.

All positions are counted in frames of the stored FLAC, because a part is a byte range that
begins and ends at frame borders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LOOK_BACK = 0.2
"""A part may end this much of the maximum before the maximum: 120 s of 600 s."""
_SHORTEST = 0.05
"""No part of several is shorter than this much of the maximum: 30 s of 600 s."""
_PAUSE_FRAMES = 3
"""Shorter dips are sounds such as the closure of a p or t, not pauses."""
_QUIET = 0.25
"""A frame is quiet below this much of the way from the window's floor to its speech, in dB."""
_FLOOR_DB = -100.0


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """Frames ``start`` up to, not including, ``end``."""

    start: int
    end: int


def cut(power: NDArray[np.float32], max_frames: int) -> list[FrameSpan]:
    """Cut a recording into parts that cover it once, in order, none longer than ``max_frames``.

    Args:
        power: mean square of each frame, shape (frames,); full scale is 1.
        max_frames: at least 1.
    """
    frames = len(power)
    shortest = min(max(1, round(max_frames * _SHORTEST)), max(1, max_frames // 2))
    look_back = max(1, round(max_frames * _LOOK_BACK))
    level_db = 10 * np.log10(np.maximum(power, 10 ** (_FLOOR_DB / 10)))
    spans: list[FrameSpan] = []
    start = 0
    while frames - start > max_frames:
        latest = min(start + max_frames, frames - shortest)
        earliest = max(start + shortest, latest - look_back)
        border = earliest + _quietest(level_db[earliest - 1 : latest + 1])
        spans.append(FrameSpan(start, border))
        start = border
    if start < frames:
        spans.append(FrameSpan(start, frames))
    return spans


def _quietest(level_db: NDArray[np.floating]) -> int:
    """The best border in a window: index i cuts between frames i and i + 1 of ``level_db``."""
    borders = len(level_db) - 1
    if borders == 1:
        return 0
    floor_db, speech_db = np.percentile(level_db, [5, 90])
    quiet = level_db <= floor_db + _QUIET * (speech_db - floor_db)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    lengths = ends - starts
    if lengths.size and lengths.max() >= _PAUSE_FRAMES:
        # Of equally long pauses the last, so that parts come near their maximum.
        longest = len(lengths) - 1 - int(np.argmax(lengths[::-1]))
        middle = (int(starts[longest]) + int(ends[longest])) // 2
        return min(max(middle - 1, 0), borders - 1)
    # No pause: the border whose two neighbours are quietest together.
    return int(np.argmin(level_db[:-1] + level_db[1:]))
