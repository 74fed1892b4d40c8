"""Clustering of voices keeps to the bounds it is given and finds groups that are there."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diarizer.engines.agglomerate import agglomerate
from diarizer.engines.linkage import Method, link

seeds = st.integers(0, 2**32 - 1)


def directions(seed: int, count: int, dimension: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension))


@given(seeds, st.integers(1, 60), st.integers(1, 70), st.floats(0.05, 2.0), st.integers(1, 20))
def test_an_exact_number_is_met_when_there_are_as_many_vectors(
    seed: int, count: int, wanted: int, threshold: float, size: int
) -> None:
    labels = agglomerate(directions(seed, count), threshold=threshold, min_cluster_size=size, low=wanted, high=wanted)
    assert len(set(labels.tolist())) == min(wanted, count)


@given(seeds, st.integers(1, 60), st.integers(1, 8), st.integers(0, 8), st.floats(0.05, 2.0), st.integers(1, 20))
def test_bounds_hold_and_labels_have_no_gaps(
    seed: int, count: int, low: int, more: int, threshold: float, size: int
) -> None:
    labels = agglomerate(directions(seed, count), threshold=threshold, min_cluster_size=size, low=low, high=low + more)
    found = set(labels.tolist())
    assert labels.shape == (count,)
    assert found == set(range(len(found)))
    assert min(low, count) <= len(found) <= low + more


@given(seeds, st.integers(1, 5), st.integers(5, 15))
def test_groups_that_are_far_apart_are_found_whatever_the_order(seed: int, groups: int, each: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.permutation(np.repeat(np.arange(groups), each))
    vectors = 5.0 * np.eye(8)[truth] + random.normal(scale=0.02, size=(len(truth), 8))
    labels = agglomerate(vectors, threshold=0.7, min_cluster_size=4)
    pairs = set(zip(truth.tolist(), labels.tolist(), strict=True))
    assert len(pairs) == groups == len({label for _, label in pairs})


@given(seeds, st.integers(1, 40))
def test_the_vectors_are_left_as_they_were(seed: int, count: int) -> None:
    vectors = directions(seed, count)
    before = vectors.copy()
    agglomerate(vectors, threshold=0.7, min_cluster_size=4)
    assert np.array_equal(vectors, before)


def test_a_few_strays_join_the_nearest_speaker() -> None:
    vectors = np.repeat(np.eye(4)[:2], 20, axis=0)
    stray = np.array([[0.8, 0.1, 0.9, 0.0]])
    labels = agglomerate(np.concatenate([vectors, stray]), threshold=0.3, min_cluster_size=4)
    assert labels[-1] == labels[0] != labels[20]


@given(seeds, st.integers(2, 40), st.integers(2, 4), st.sampled_from(["centroid", "ward"]))
def test_linking_groups_of_one_size_is_linking_their_centres(seed: int, count: int, size: int, method: Method) -> None:
    centres = directions(seed, count)
    ours, theirs = (link(centres, np.full(count, each), method) for each in (size, 1))
    # Ward's distances grow with the square root of the weight.
    scale = size**0.5 if method == "ward" else 1.0
    np.testing.assert_allclose(ours[:, 2], scale * theirs[:, 2], rtol=1e-6, atol=1e-6)
    assert np.array_equal(ours[:, :2], theirs[:, :2])
    assert ours[-1, 3] == count * size


def test_a_stray_is_no_speaker_when_a_number_is_asked_for() -> None:
    random = np.random.default_rng(0)
    centres = np.array([[1.0, 0.0, 0.0, 0.0], [0.8, 0.6, 0.0, 0.0]])
    vectors = np.repeat(centres, 20, axis=0) + random.normal(scale=0.1, size=(40, 4))
    stray = np.array([[0.0, 0.0, 1.0, 0.0]])
    labels = agglomerate(np.concatenate([vectors, stray]), threshold=1.2, min_cluster_size=4, low=2, high=2)
    assert labels[0] != labels[20]


@given(seeds, st.integers(2, 4), st.integers(40, 80))
def test_groups_are_found_in_blocks_as_they_are_found_at_once(seed: int, groups: int, each: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.permutation(np.repeat(np.arange(groups), each))
    vectors = np.eye(8)[truth] + random.normal(scale=0.04, size=(len(truth), 8))
    at_once = agglomerate(vectors, threshold=0.7, min_cluster_size=4)
    in_blocks = agglomerate(vectors, threshold=0.7, min_cluster_size=4, block=50, groups=12)
    assert len(set(zip(at_once.tolist(), in_blocks.tolist(), strict=True))) == groups
