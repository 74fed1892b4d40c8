"""From what is heard to who it is: the end of the work, in seconds even for hours of audio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diarizer import turns as arithmetic
from diarizer.engines import timeline
from diarizer.engines.agglomerate import agglomerate
from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn
from diarizer.engines.heard import Heard
from diarizer.engines.linkage import means
from diarizer.engines.timeline import FRAMES, WINDOW_S

THRESHOLD = 0.775
"""Distance of centroids. Voices worked out in chunks lie a little further apart than those of windows: see ADR."""
MIN_CLUSTER_S = 8.0
"""Windows make a speaker that begin within so much time, one after the other: 3 at a step of 3 s, 8 at one of 1 s."""
MIN_ALONE_SHARE = 0.2
"""Of a window: who speaks alone for less does not decide how many speakers there are."""

MIN_OVERLAP_SHARE = 0.01
"""Of all speech. Less is a slip of the segmentation: in 20 minutes of monologues it hears two at once for 0.0 s."""

Vectors = NDArray[np.float32]


def tell(heard: Heard, options: DiarizeOptions) -> Diarized:
    """Who speaks when. The number of speakers is met when there are as many voices to tell apart."""
    if not heard.active.any():
        return Diarized([], [], {})
    low, high = _bounds(options)
    trusted = _trusted(heard, low)
    labels = agglomerate(
        heard.vectors[trusted], threshold=THRESHOLD, min_cluster_size=_min_cluster_size(heard), low=low, high=high
    )
    centres = _unit(means(heard.vectors[trusted], labels)[0].astype(np.float32))
    speakers = _nearest(heard, centres)
    first = timeline.first_frames(heard.starts_s)
    count = timeline.speaker_count(heard.active.sum(axis=2, dtype=np.float32), first)
    votes = timeline.votes(heard.active, speakers, first, len(centres))
    if len(centres) == 1 != high:
        votes = _with_somebody_else(votes, count)
    names = [str(label) for label in range(votes.shape[1])]

    def told(count: NDArray[np.uint8]) -> list[EngineTurn]:
        return arithmetic.within(timeline.turns(timeline.chosen(votes, count), names), heard.end_s)

    turns = told(count)
    order = arithmetic.names_by_first_speech(turns)
    # One at a time is the one whom most windows hear.
    exclusive = (turn for turn in told(np.minimum(count, 1)) if turn.speaker in order)
    return Diarized(
        turns=arithmetic.renamed(turns, order),
        exclusive_turns=arithmetic.renamed(exclusive, order),
        embeddings={order[old]: centres[int(old)].astype(np.float32) for old in order if int(old) < len(centres)},
    )


def _with_somebody_else(votes: timeline.Votes, count: NDArray[np.uint8]) -> timeline.Votes:
    """Where two speak at once there are two people, even if one is never heard alone for long enough to be told apart.

    Somebody without a voice of their own is added to the only speaker's votes, who speaks wherever a second one does.
    """
    at_once = count > 1
    if at_once.sum() < MIN_OVERLAP_SHARE * (count > 0).sum() or not at_once.any():
        return votes
    # One vote: of equals the first goes first, so nobody takes a frame from the one who is known.
    return np.column_stack([votes, (at_once & (votes[:, 0] > 0)).astype(np.uint8)])


def _bounds(options: DiarizeOptions) -> tuple[int, int | None]:
    if options.num_speakers is not None:
        exact = max(1, options.num_speakers)
        return exact, exact
    low = max(1, options.min_speakers or 1)
    return low, None if options.max_speakers is None else max(low, options.max_speakers)


def _min_cluster_size(heard: Heard) -> int:
    starts_s = heard.starts_s
    return max(1, round(MIN_CLUSTER_S / (starts_s[1] - starts_s[0]))) if len(starts_s) > 1 else 1


def _trusted(heard: Heard, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Window and voice of the vectors that decide who is who: of enough speech, unless there are too few."""
    alone = (heard.active & (heard.active.sum(axis=2, keepdims=True) == 1)).sum(axis=1)
    known = ~np.isnan(heard.vectors).any(axis=2)
    # A window longer than the recording is filled up with silence, in which nobody can speak.
    recorded = min(1.0, heard.end_s / WINDOW_S)
    windows, voices = np.nonzero((alone >= MIN_ALONE_SHARE * recorded * FRAMES) & known)
    if len(windows) < max(wanted, 1):
        windows, voices = np.nonzero(known)
    return windows, voices


def _nearest(heard: Heard, centres: Vectors) -> NDArray[np.intp]:
    """Who each voice of each window is, shape (windows, voices); -1 where nobody speaks."""
    likeness = np.nan_to_num(_unit(heard.vectors) @ centres.T, nan=-2.0)
    speaking = heard.active.any(axis=1) & ~np.isnan(heard.vectors).any(axis=2)
    result: NDArray[np.intp] = np.where(speaking, likeness.argmax(axis=2), -1)
    return result


def _unit(vectors: Vectors) -> Vectors:
    result: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return result
