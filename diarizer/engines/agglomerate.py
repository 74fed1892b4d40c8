"""How many voices there are: agglomerative clustering that keeps to given bounds. Pure.

As in pyannote.audio, a cluster counts as a speaker when enough vectors are in it, and small
clusters join the nearest speaker. Unlike there, the wanted number of speakers is always met
when there are as many vectors: the size that makes a speaker gives way before the bound does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.linkage import BLOCK, GROUPS, Labels, Merges, after, grouped, link, means, within

Vectors = NDArray[np.float32] | NDArray[np.float64]


def agglomerate(
    vectors: Vectors,
    *,
    threshold: float,
    min_cluster_size: int,
    low: int = 1,
    high: int | None = None,
    block: int = BLOCK,
    groups: int = GROUPS,
) -> Labels:
    """Cluster number of each vector, shape (n,), counted from 0 without gaps.

    Args:
        vectors: shape (n, dimension), n >= 1, of any length but none of length 0.
        threshold: largest distance between centroids of unit-length vectors that are merged.
        min_cluster_size: vectors that make a speaker; a tenth of all suffices in short recordings.
        low: at least this many clusters, or n.
        high: at most this many.
        block: more vectors than this are grouped in blocks first.
        groups: how many of a block stay.
    """
    count = len(vectors)
    low = max(1, min(low, count))
    high = max(low, count if high is None else high)
    if count == 1:
        return np.zeros(1, np.intp)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    group = grouped(unit, block=block, groups=groups)
    centres, weights = means(unit, group)
    low = min(low, len(centres))
    merges = link(centres, weights)
    size = min(min_cluster_size, max(1, round(0.1 * count)))
    labels = within(merges, threshold)[group]
    found = int((np.bincount(labels) >= size).sum())
    if found < low or found > high:
        of_groups, size = _nearest_cut(merges, weights, low if found < low else high, threshold, size)
        labels = of_groups[group]
    return _absorb_small(unit, labels, size)


def _nearest_cut(
    merges: Merges, weights: NDArray[np.integer], target: int, threshold: float, size: int
) -> tuple[Labels, int]:
    """The cut with ``target`` speakers nearest to ``threshold``, and the size that made them speakers."""
    for needed in range(size, 0, -1):
        fitting = np.flatnonzero(_speakers_after(merges, weights, needed) == target)
        if fitting.size:
            cut = fitting[np.argmin(np.abs(merges[fitting, 2] - threshold))]
            return after(merges, int(cut) + 1), needed
    # No merge leaves as many clusters as there are vectors.
    return np.arange(len(merges) + 1), 1


def _speakers_after(merges: Merges, weights: NDArray[np.integer], size: int) -> NDArray[np.intp]:
    """How many clusters of at least ``size`` vectors there are after each merge, in order."""
    count = len(merges) + 1
    sizes = np.concatenate([weights, merges[:, 3]])
    large = (sizes >= size).astype(np.intp)
    left, right = merges[:, 0].astype(np.intp), merges[:, 1].astype(np.intp)
    change = large[count:] - large[left] - large[right]
    return large[:count].sum() + np.cumsum(change)


def _absorb_small(unit: Vectors, labels: Labels, size: int) -> Labels:
    sizes = np.bincount(labels)
    large = np.flatnonzero(sizes >= size)
    if large.size == 0:
        return np.zeros(len(labels), np.intp)
    centroids = np.vstack([unit[labels == label].mean(axis=0) for label in range(len(sizes))])
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
    nearest = large[np.argmax(centroids @ centroids[large].T, axis=1)]
    nearest[large] = large
    return _relabelled(nearest[labels])


def _relabelled(labels: NDArray[np.integer]) -> Labels:
    return np.unique(labels, return_inverse=True)[1].astype(np.intp)
