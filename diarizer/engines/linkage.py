"""Centroid linkage in blocks: near-linear in the number of vectors. Pure.

Linkage takes time and memory in the square of its vectors. Many of them are the same voice a moment
later, so each block of consecutive vectors is linked by itself down to a bounded number of small
groups, and then the groups of all blocks, each weighing as much as it has vectors.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

Labels = NDArray[np.intp]
Method = Literal["centroid", "ward"]
Merges = NDArray[np.float64]
"""As scipy's: two clusters, their distance, how many vectors are in both; row n makes cluster ``count + n``."""

BLOCK = 2000
"""Vectors that are linked all with all."""
GROUPS = 128
"""At most so many of a block stay. Far more than voices, so that none is lost among them."""


def grouped(unit: NDArray[np.floating], *, block: int = BLOCK, groups: int = GROUPS) -> Labels:
    """Small group of each vector, shape (n,), counted from 0 without gaps.

    Args:
        unit: vectors of length 1, shape (n, dimension). Up to ``block`` of them stay by themselves.
        groups: how many there are at most for each block.
    """
    count = len(unit)
    if count <= block:
        return np.arange(count)
    labels = np.empty(count, np.intp)
    made = 0
    for part in np.array_split(np.arange(count), -(-count // block)):
        merges = linkage(unit[part], method="centroid", metric="euclidean")
        # The first merges are those of the closest.
        own = after(merges, len(part) - groups)
        labels[part] = made + own
        made += int(own.max()) + 1
    return labels


def after(merges: Merges, count: int) -> Labels:
    """Cluster of each vector after the first ``count`` merges, counted from 0 without gaps."""
    return _cut(merges, np.arange(len(merges), dtype=np.float64), count - 1)


def within(merges: Merges, threshold: float) -> Labels:
    """Cluster of each vector where no merge is above ``threshold``, counted from 0 without gaps."""
    return _cut(merges, merges[:, 2], threshold)


def _cut(merges: Merges, heights: NDArray[np.float64], height: float) -> Labels:
    tree = merges.copy()
    tree[:, 2] = heights
    # scipy wants to see the vectors that were linked counted, not what they weigh.
    leaves = np.ones(2 * len(merges) + 1)
    for step, (one, other) in enumerate(merges[:, :2].astype(np.intp)):
        leaves[len(merges) + 1 + step] = leaves[one] + leaves[other]
    tree[:, 3] = leaves[len(merges) + 1 :]
    return np.unique(fcluster(tree, height, criterion="distance"), return_inverse=True)[1].astype(np.intp)


def means(vectors: NDArray[np.floating], labels: Labels) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean of each label's vectors, shape (labels, dimension), and how many they are."""
    sizes = np.bincount(labels)
    total = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(total, labels, vectors)
    return total / sizes[:, None], sizes


def link(centres: NDArray[np.floating], sizes: NDArray[np.integer], method: Method = "centroid") -> Merges:
    """Linkage of groups, each of ``sizes`` vectors; scipy's where all are single."""
    if (sizes == 1).all():
        return linkage(centres, method=method, metric="euclidean")
    count = len(centres)
    weights = sizes.astype(np.float64)
    names = np.arange(count)
    squares = np.maximum(_squares(centres.astype(np.float64)), 0.0)
    if method == "ward":
        squares *= 2.0 * weights[:, None] * weights / (weights[:, None] + weights)
    np.fill_diagonal(squares, np.inf)
    nearest, near = squares.argmin(axis=1), squares.min(axis=1)
    merges = np.empty((count - 1, 4))
    for step in range(count - 1):
        one = int(near.argmin())
        other = int(nearest[one])
        weight, gone = weights[one] + weights[other], weights[other]
        pair = sorted((names[one], names[other]))
        merges[step] = [*pair, np.sqrt(squares[one, other]), weight]
        # Lance and Williams: distances from what is merged follow from those of both.
        if method == "ward":
            row = (weights + weights[one]) * squares[one] + (weights + gone) * squares[other]
            row = (row - weights * squares[one, other]) / (weights + weight)
        else:
            row = (weights[one] * squares[one] + gone * squares[other]) / weight
            row -= weights[one] * gone * squares[one, other] / weight**2
        row[[one, other]] = np.inf
        row[~np.isfinite(squares[one])] = np.inf
        row = np.maximum(row, 0.0)
        weights[one], names[one] = weight, count + step
        squares[other], squares[:, other] = np.inf, np.inf
        squares[one], squares[:, one] = row, row
        near[other] = np.inf
        closer = row < near
        nearest[closer], near[closer] = one, row[closer]
        lost = np.flatnonzero(((nearest == one) & ~closer | (nearest == other)) & np.isfinite(near))
        for each in {one, *lost.tolist()}:
            nearest[each] = squares[each].argmin()
            near[each] = squares[each, nearest[each]]
    return merges


def _squares(points: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = (points**2).sum(axis=1)
    result: NDArray[np.float64] = lengths[:, None] + lengths[None] - 2.0 * points @ points.T
    return result
