"""Parts cover a recording exactly once, within bounds, and end in pauses."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest.cuts import cut

powers = arrays(np.float32, st.integers(0, 600), elements=st.floats(0, 1, width=32))
FRAME_S = 0.072


@given(powers, st.integers(1, 700))
def test_parts_cover_the_recording_once_and_in_order(power: np.ndarray, max_frames: int) -> None:
    spans = cut(power, max_frames)
    assert [frame for span in spans for frame in range(span.start, span.end)] == list(range(len(power)))


@given(powers, st.integers(1, 700))
def test_no_part_is_longer_than_the_maximum_or_absurdly_short(power: np.ndarray, max_frames: int) -> None:
    lengths = [span.end - span.start for span in cut(power, max_frames)]
    assert all(0 < length <= max_frames for length in lengths)
    if len(lengths) > 1:
        assert min(lengths) >= int(max_frames * 0.05)


@given(powers)
def test_a_recording_that_fits_is_one_part(power: np.ndarray) -> None:
    assert len(cut(power, 2000)) == min(1, len(power))


@given(st.integers(0, 2**32 - 1), st.integers(410, 488), st.integers(6, 12))
def test_the_cut_lies_in_the_only_pause_that_is_in_reach(seed: int, pause_at: int, pause_frames: int) -> None:
    power = np.random.default_rng(seed).uniform(0.01, 0.1, 900).astype(np.float32)
    power[pause_at : pause_at + pause_frames] = 1e-7
    border = cut(power, 500)[0].end
    assert pause_at <= border <= pause_at + pause_frames


@given(st.integers(0, 2**32 - 1))
def test_a_long_pause_is_preferred_to_a_short_one(seed: int) -> None:
    power = np.random.default_rng(seed).uniform(0.01, 0.1, 900).astype(np.float32)
    power[420:424] = 1e-8
    power[450:470] = 1e-6
    assert 450 <= cut(power, 500)[0].end <= 470


def test_a_silent_recording_is_cut_by_length_alone() -> None:
    spans = cut(np.zeros(60_000, np.float32), 8_333)
    assert len(spans) <= 9
    assert spans[-1].end == 60_000
