"""A call with one end on each channel: who speaks is who is active on a channel. Pure, no clustering.

Each end also hears the other, softly: through an earpiece, or across the line. Such cross-talk is speech for a
detector, but softer than the other channel at that time and softer than its own channel's voice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diarizer import turns as arithmetic
from diarizer.engines import timeline
from diarizer.engines.base import Diarized
from diarizer.engines.heard import Heard
from diarizer.engines.timeline import FRAMES

Mask = NDArray[np.bool_]
Levels = NDArray[np.float64]

SOFTER_THAN_OTHER_DB = 6.0
SOFTER_THAN_OWN_DB = 10.0
"""Cross-talk is both."""
SHORTEST_PAUSE = 18
SHORTEST_TURN = 6
"""Frames: 0.3 s and 0.1 s. Shorter pauses belong to the turn around them, shorter turns are none."""


def tell(heard: Sequence[Heard], levels_db: Sequence[Levels]) -> Diarized:
    """Who speaks when.

    Args:
        heard: of each channel, all of it.
        levels_db: of each channel, frame by frame on the grid of ``timeline``; see engines/levels.py.
    """
    active = [activity(one) for one in heard]
    length = min(len(one) for one in (*active, *levels_db))
    mine = own_voices(np.stack([one[:length] for one in active]), np.stack([one[:length] for one in levels_db]))
    speaking = np.stack([tidied(row) for row in mine], axis=1)
    names = [str(channel) for channel in range(len(heard))]
    turns = arithmetic.within(timeline.turns(speaking, names), heard[0].end_s)
    order = arithmetic.names_by_first_speech(turns)
    turns = arithmetic.renamed(turns, order)
    voices = {order[name]: voice(heard[int(name)], speaking[:, int(name)]) for name in order}
    return Diarized(
        turns=turns,
        exclusive_turns=arithmetic.exclusive(turns),
        embeddings={name: vector for name, vector in voices.items() if vector is not None},
        channels={order[name]: int(name) for name in order},
    )


def activity(heard: Heard) -> Mask:
    """In which frames anybody is heard: as most windows say. Shape (frames,)."""
    anybody = np.asarray(heard.active.any(axis=2), np.float32)
    result: Mask = timeline.speaker_count(anybody, timeline.first_frames(heard.starts_s)) > 0
    return result


def own_voices(active: Mask, levels_db: Levels) -> Mask:
    """``active`` without what is another channel's voice.

    Args:
        active: shape (channels, frames).
        levels_db: as long, smoothed over words.
    """
    result = active.copy()
    for channel, level in enumerate(levels_db):
        others = np.delete(levels_db, channel, axis=0).max(axis=0)
        louder = active[channel] & (level > others)
        own_db = np.median(level[louder]) if louder.any() else np.inf
        result[channel] &= ~((level < others - SOFTER_THAN_OTHER_DB) & (level < own_db - SOFTER_THAN_OWN_DB))
    return result


def tidied(speaking: Mask) -> Mask:
    """Without pauses that are too short, then without turns that are."""
    result = speaking.copy()
    for value, shortest in ((False, SHORTEST_PAUSE), (True, SHORTEST_TURN)):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], result == value, [False]])))
        for start, end in edges.reshape(-1, 2):
            # A pause at the very beginning or end is between nothing.
            inside = value or (start > 0 and end < len(result))
            if end - start < shortest and inside:
                result[start:end] = not value
    return result


def voice(heard: Heard, speaking: Mask) -> NDArray[np.float32] | None:
    """The voice of who speaks then, length 1; None where too little is heard of it."""
    total = np.zeros(heard.vectors.shape[2])
    for first, active, vectors in zip(timeline.first_frames(heard.starts_s), heard.active, heard.vectors, strict=True):
        then = speaking[first : first + FRAMES]
        weights = (active[: len(then)] & then[:, None]).sum(axis=0)
        for weight, vector in zip(weights, vectors, strict=True):
            if weight and not np.isnan(vector).any():
                total += weight * vector / max(float(np.linalg.norm(vector)), 1e-12)
    length = float(np.linalg.norm(total))
    return (total / length).astype(np.float32) if length > 0 else None
