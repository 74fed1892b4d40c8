"""From what windows say to who speaks when in the recording. Pure.

Windows overlap: each frame of the recording is heard by several, and they vote. The grid is that
of pyannote's segmentation-3.0, and so is the rule: as many speakers as windows hear on average,
and of all speakers those whom most windows hear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.base import EngineTurn

WINDOW_S = 10.0
FRAMES = 589
"""Frames of a window."""
FRAME_STEP_S = 0.016875
FRAME_MIDDLE_S = 0.0309375
"""Where the middle of a window's first frame lies."""
MAX_SPEAKERS = 3
"""Speakers a window tells apart."""

BLOCK = 8_192
"""Frames that are sorted at once: ranks of all frames of hours with many speakers would take gigabytes."""

Votes = NDArray[np.uint8]
Frames = NDArray[np.intp]
"""First frame of each window on the recording's grid, shape (windows,), ascending."""


def first_frames(starts_s: NDArray[np.float64]) -> Frames:
    """The grid's frames at which windows begin."""
    return np.rint(starts_s / FRAME_STEP_S).astype(np.intp)


def speaker_count(heard: NDArray[np.float32], first: Frames) -> NDArray[np.uint8]:
    """How many speak in each frame of the recording, shape (frames,).

    Args:
        heard: shape (windows, FRAMES), how many speak in a window's frames.
    """
    length = int(first[-1]) + FRAMES
    total, windows = np.zeros(length, np.float32), np.zeros(length, np.float32)
    for start, window in zip(first, heard, strict=True):
        total[start : start + FRAMES] += window
        windows[start : start + FRAMES] += 1.0
    return np.rint(total / np.maximum(windows, 1.0)).astype(np.uint8)


def votes(active: NDArray[np.bool_], speakers: NDArray[np.intp], first: Frames, count: int) -> Votes:
    """How many windows hear each speaker, shape (frames of the recording, count).

    Args:
        active: shape (windows, FRAMES, MAX_SPEAKERS).
        speakers: shape (windows, MAX_SPEAKERS): who each voice of a window is, below 0 for nobody.
    """
    total = np.zeros((int(first[-1]) + FRAMES, count), np.uint8)
    for start, window, names in zip(first, active, speakers, strict=True):
        stretch = total[start : start + FRAMES]
        for name in np.unique(names[names >= 0]):
            # Two voices of a window that turn out to be one are heard once.
            stretch[:, name] += window[:, names == name].any(axis=1)
    return total


def chosen(total: Votes, count: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Who speaks in each frame, shape (frames, speakers): the ``count`` with most votes, of those with any."""
    result = np.empty(total.shape, np.bool_)
    for start in range(0, len(total), BLOCK):
        block, most = total[start : start + BLOCK], count[start : start + BLOCK]
        # Most votes first, equals in the order of speakers.
        ranks = np.argsort(np.argsort(~block, axis=1, kind="stable"), axis=1, kind="stable")
        result[start : start + BLOCK] = (ranks < most[:, None]) & (block > 0)
    return result


def turns(speaking: NDArray[np.bool_], names: Sequence[str]) -> list[EngineTurn]:
    """Stretches of frames as turns, speaker by speaker."""
    result = []
    for name, column in zip(names, speaking.T, strict=True):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], column, [False]])))
        for start, end in edges.reshape(-1, 2):
            result.append(EngineTurn(_middle_s(start), _middle_s(end), name))
    return result


def _middle_s(frame: int) -> float:
    return float(frame * FRAME_STEP_S + FRAME_MIDDLE_S)
