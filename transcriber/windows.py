"""Which stretches of a recording go through the model together. Pure.

A window is speech of less than 30 s, Whisper's view, with long silences taken out. Time inside
a window runs over its pieces as if they followed each other; ``to_original_s`` leads back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from transcriber.speech import Region, subtract, total_s

SAMPLE_RATE_HZ = 16_000
MAX_S = 29.5
PAD_S = 0.4
"""Kept on either side of speech, so that no first or last word is lost."""

KEPT_SILENCE_S = 2.0
"""Pauses up to this length stay as they are; of longer ones only the padding stays."""

GAP_S = 2.0
"""Speech of this length without a word is decoded again."""

ALONE_S = 0.6
"""So is speech of this length in a piece that has no word at all: nobody pauses for seconds before and after nothing.
Less is a breath or a knock."""

REACH_S = 0.5
"""A word accounts for speech this far around it."""


@dataclass(frozen=True, slots=True)
class Window:
    """``pieces``: (start, end) in seconds of the recording, in order and apart. ``speech`` lies within them."""

    pieces: tuple[Region, ...]
    speech: tuple[Region, ...]

    @property
    def start_s(self) -> float:
        return self.pieces[0][0]

    @property
    def end_s(self) -> float:
        return self.pieces[-1][1]

    @property
    def duration_s(self) -> float:
        """Length with silences taken out."""
        return sum(end_s - start_s for start_s, end_s in self.pieces)

    def piece_at(self, inner_s: float) -> tuple[Region, float]:
        """The piece that is heard at this time of the window, and when in the window it begins."""
        starts = [0.0, *accumulate(end_s - start_s for start_s, end_s in self.pieces)]
        index = min(max(bisect_right(starts, inner_s) - 1, 0), len(self.pieces) - 1)
        return self.pieces[index], starts[index]

    def to_original_s(self, inner_s: float) -> float:
        """Seconds of the recording that belong to ``inner_s`` seconds of the window."""
        (start_s, end_s), begins_s = self.piece_at(inner_s)
        return min(max(start_s + inner_s - begins_s, start_s), end_s)

    def cut(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """Samples of the window out of the recording's, shape (n,), 16 kHz."""
        spans = [
            audio[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)] for start_s, end_s in self.pieces
        ]
        return np.concatenate(spans)


def plan(
    speech: Sequence[Region],
    *,
    duration_s: float,
    max_s: float = MAX_S,
    pad_s: float = PAD_S,
    kept_silence_s: float = KEPT_SILENCE_S,
) -> list[Window]:
    """Windows that hold all of ``speech``, each piece of it exactly once, in order.

    Args:
        speech: regions in order and apart, none longer than ``max_s``.
    """
    windows: list[Window] = []
    taken: list[Region] = []
    edges = padded(speech, 0.0, duration_s, pad_s)
    for index in range(len(speech)):
        more = [*taken, speech[index]]
        first = index - len(taken)
        if taken and _length_s(_pieces(more, edges[first : index + 1], kept_silence_s)) > max_s:
            windows.append(_window(taken, edges[first:index], kept_silence_s, max_s))
            taken = [speech[index]]
        else:
            taken = more
    if taken:
        windows.append(_window(taken, edges[len(speech) - len(taken) :], kept_silence_s, max_s))
    return windows


def uncovered(
    window: Window, words: Sequence[Region], *, gap_s: float = GAP_S, reach_s: float = REACH_S, pad_s: float = PAD_S
) -> list[Window]:
    """What of the window's speech its words leave out, as windows of their own.

    ``words``: times of the words in the recording, in order. A window without any word is
    not given again: the model has heard it and found nothing.
    """
    if not words:
        return []
    reached = [(start_s - reach_s, end_s + reach_s) for start_s, end_s in words]
    found = []
    for group in _close_together(subtract(window.speech, reached), window, 2 * pad_s):
        low_s, high_s = _home(group[0], window)
        # Beside its words a piece may well have sound that is none.
        alone = not any(start_s < high_s and end_s > low_s for start_s, end_s in words)
        if total_s(group) < (min(ALONE_S, gap_s) if alone else gap_s - reach_s):
            continue
        first_s, last_s = group[0][0], group[-1][1]
        before_s = max((end_s for _, end_s in words if end_s <= first_s), default=window.start_s)
        after_s = min((start_s for start_s, _ in words if start_s >= last_s), default=window.end_s)
        piece = (max(first_s - pad_s, before_s, low_s), min(last_s + pad_s, after_s, high_s))
        found.append(Window((piece,), tuple(group)))
    return found


def _home(region: Region, window: Window) -> Region:
    """The piece of the window that holds ``region``."""
    return next(piece for piece in window.pieces if piece[0] <= region[0] < piece[1])


def _close_together(regions: Sequence[Region], window: Window, apart_s: float) -> list[list[Region]]:
    """Regions in groups of one piece of the window each, whose neighbours' padding would meet."""
    groups: list[list[Region]] = []
    for region in regions:
        near = groups and region[0] - groups[-1][-1][1] < apart_s
        if near and _home(groups[-1][-1], window) == _home(region, window):
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def spread(windows: Sequence[Window], count: int) -> list[int]:
    """Indices of up to ``count`` windows, evenly over all."""
    if len(windows) <= count:
        return list(range(len(windows)))
    return sorted({round(at) for at in np.linspace(0, len(windows) - 1, count)})


def padded(speech: Sequence[Region], low_s: float, high_s: float, pad_s: float) -> list[Region]:
    """Regions grown by ``pad_s``, at most to the middle of the pause between two, within [low_s, high_s]."""
    grown = []
    for index, (start_s, end_s) in enumerate(speech):
        before = (speech[index - 1][1] + start_s) / 2 if index else low_s
        after = (end_s + speech[index + 1][0]) / 2 if index + 1 < len(speech) else high_s
        grown.append((max(start_s - pad_s, before), min(end_s + pad_s, after)))
    return grown


def _pieces(speech: Sequence[Region], edges: Sequence[Region], kept_silence_s: float) -> list[Region]:
    pieces = [edges[0]]
    for index in range(1, len(speech)):
        if speech[index][0] - speech[index - 1][1] <= kept_silence_s:
            pieces[-1] = (pieces[-1][0], edges[index][1])
        else:
            pieces.append(edges[index])
    return pieces


def _window(speech: Sequence[Region], edges: Sequence[Region], kept_silence_s: float, max_s: float) -> Window:
    pieces = _pieces(speech, edges, kept_silence_s)
    excess_s = _length_s(pieces) - max_s
    if excess_s > 0:
        # One region that nearly fills the window leaves no room for all of its padding.
        (start_s, end_s), (first_s, last_s) = pieces[0], speech[0]
        before_s = min(first_s - start_s, max(excess_s / 2, excess_s - (end_s - last_s)))
        after_s = min(end_s - last_s, excess_s - before_s)
        pieces = [(start_s + before_s, end_s - after_s)]
    return Window(tuple(pieces), tuple(speech))


def _length_s(pieces: Sequence[Region]) -> float:
    return sum(end_s - start_s for start_s, end_s in pieces)
