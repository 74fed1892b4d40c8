"""How many voices there are: agglomerative clustering that keeps to given bounds. Pure.

As in pyannote.audio, a cluster counts as a speaker when enough vectors are in it, and small
clusters join the nearest speaker. Unlike there, the wanted number of speakers is always met
when there are as many vectors: where the threshold gives another, Ward's linkage makes as many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.linkage import BLOCK, GROUPS, Labels, after, grouped, link, means, within

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
    labels = _absorb_small(unit, within(merges, threshold)[group], size)
    found = int(labels.max()) + 1
    if low <= found <= high:
        return labels
    target = low if found < low else high
    # Nearest centroids first would leave strays as the last clusters; Ward leaves the largest groups there are.
    return after(link(centres, weights, "ward"), len(centres) - target)[group]


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
