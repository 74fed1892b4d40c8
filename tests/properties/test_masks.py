"""A voice is known by frames in which it is alone, unless those are too few."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diarizer.engines.masks import alone_where_possible

activity = arrays(np.float32, (2, 12, 3), elements=st.sampled_from([0.0, 1.0]))


@given(activity, st.integers(0, 12))
def test_masks_are_frames_alone_or_all_frames_of_the_speaker(active: np.ndarray, min_frames: int) -> None:
    masks = alone_where_possible(active, min_frames)
    alone = active * (active.sum(axis=2, keepdims=True) == 1)
    for window in range(2):
        for speaker in range(3):
            mask, own = masks[window, :, speaker], alone[window, :, speaker]
            if own.sum() >= max(1, min_frames):
                assert np.array_equal(mask, own)
            else:
                assert np.array_equal(mask, active[window, :, speaker])


@given(activity, st.integers(0, 12))
def test_whoever_speaks_has_a_mask_and_nobody_else(active: np.ndarray, min_frames: int) -> None:
    assert np.array_equal(alone_where_possible(active, min_frames).any(axis=1), active.any(axis=1))
