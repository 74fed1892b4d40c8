"""Mixing, limiting and peaks for any samples."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest.decode.mix import BLOCK_SAMPLES, ChannelMix, Limiter
from ingest.peaks import MAX_PAIRS, SAMPLES_PER_PAIR, PeaksWriter, halve
from tests.support.media import level, noise

samples16 = arrays(np.int16, st.integers(0, 4000), elements=st.integers(-32768, 32767))


def limited(samples: np.ndarray) -> np.ndarray:
    limiter = Limiter()
    blocks = [samples[at : at + BLOCK_SAMPLES] for at in range(0, samples.size, BLOCK_SAMPLES)]
    return np.concatenate([*[limiter.limit(block) for block in blocks], limiter.flush()])


@given(arrays(np.float32, st.integers(0, 8000), elements=st.floats(-100, 100, width=32)))
def test_the_limiter_keeps_every_sample_within_full_scale_and_loses_none(samples: np.ndarray) -> None:
    out = limited(samples)
    assert out.shape == samples.shape
    assert np.all(np.abs(out) <= 1.0)


@given(arrays(np.float32, st.integers(0, 8000), elements=st.floats(-1, 1, width=32)))
def test_the_limiter_leaves_alone_what_fits(samples: np.ndarray) -> None:
    assert np.array_equal(limited(samples), samples)


@given(st.integers(0, 1000), st.integers(2, 6), st.floats(0.01, 0.3))
def test_identical_channels_keep_their_level(seed: int, channels: int, loudness: float) -> None:
    one = noise(0.5, seed=seed, level=loudness)
    assert np.allclose(ChannelMix(channels).mix(np.stack([one] * channels)), one, atol=1e-5)


@given(st.integers(0, 1000), st.integers(2, 6), st.data())
def test_a_voice_on_one_channel_keeps_its_level(seed: int, channels: int, data: st.DataObject) -> None:
    block = np.zeros((channels, 8000), np.float32)
    block[data.draw(st.integers(0, channels - 1))] = noise(0.5, seed=seed)
    assert np.isclose(level(ChannelMix(channels).mix(block)), level(block.max(axis=0) + block.min(axis=0)), rtol=1e-3)


@given(st.integers(0, 1000), st.floats(0.05, 1.0))
def test_inverted_channels_do_not_cancel(seed: int, ratio: float) -> None:
    one = noise(0.5, seed=seed)
    mixed = ChannelMix(2).mix(np.stack([one, -np.float32(ratio) * one]))
    assert np.isclose(level(mixed), level(one), rtol=1e-3)


@given(st.integers(0, 1000), st.integers(2, 6))
def test_independent_voices_all_stay_and_none_is_louder_than_it_was(seed: int, channels: int) -> None:
    block = np.stack([noise(1.0, seed=seed * 10 + n) for n in range(channels)])
    mixed = ChannelMix(channels).mix(block)
    for voice in block:
        share = float(np.dot(mixed, voice) / np.dot(voice, voice))
        assert 0.8 / np.sqrt(channels) < abs(share) < 1.05


@given(samples16, st.lists(st.integers(1, 999), min_size=1, max_size=5))
def test_peaks_bound_every_sample_however_the_blocks_fall(samples: np.ndarray, sizes: list[int]) -> None:
    writer, at, turn = PeaksWriter(), 0, 0
    while at < samples.size:
        size = sizes[turn % len(sizes)]
        writer.add(samples[at : at + size])
        at, turn = at + size, turn + 1
    document = json.loads(writer.to_json())
    pairs = np.array(document["data"], np.int64).reshape(-1, 2)
    assert document["length"] == len(pairs) == -(-samples.size // SAMPLES_PER_PAIR)
    for number, (least, greatest) in enumerate(pairs):
        stretch = samples[number * SAMPLES_PER_PAIR : (number + 1) * SAMPLES_PER_PAIR].astype(np.int64)
        assert (least, greatest) == (stretch.min() >> 8, stretch.max() >> 8)


@given(arrays(np.int8, st.tuples(st.integers(1, 300), st.just(2)), elements=st.integers(-128, 127)))
def test_halving_keeps_the_extremes(pairs: np.ndarray) -> None:
    half = halve(pairs)
    assert len(half) == -(-len(pairs) // 2)
    assert half[:, 0].min() == pairs[:, 0].min()
    assert half[:, 1].max() == pairs[:, 1].max()


def test_peaks_of_four_hours_stay_small() -> None:
    writer = PeaksWriter()
    minute = (noise(60.0) * 32767).astype(np.int16)
    for _ in range(240):
        writer.add(minute)
    document = writer.to_json()
    assert json.loads(document)["length"] <= MAX_PAIRS
    assert len(document) < 80_000
