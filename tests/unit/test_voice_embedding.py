"""The embedding network's arithmetic, which holds whatever the weights are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.stock_embedding import VoiceEmbedding
from diarizer.engines import campplus


@pytest.fixture(scope="module")
def network() -> campplus.CamPlusPlus:
    torch.manual_seed(0)
    return campplus.CamPlusPlus().eval()


def noise(seconds: float, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(int(seconds * campplus.SAMPLE_RATE_HZ), generator=generator)


def test_features_of_a_slice_are_a_slice_of_the_features() -> None:
    samples = noise(1.0)
    whole = campplus.filter_bank(samples)
    assert whole.shape == (98, campplus.MEL_BINS)
    torch.testing.assert_close(campplus.filter_bank(samples[30 * 160 :]), whole[30:])


@torch.inference_mode()
def test_pooling_takes_mean_and_unbiased_deviation_of_the_frames_it_is_given(network: campplus.CamPlusPlus) -> None:
    frames = network.frames(campplus.filter_bank(noise(2.5))[None])
    weights = torch.zeros(1, frames.shape[2])
    weights[0, 10:40] = 1.0
    chosen = frames[..., 10:40]
    statistics = torch.cat([chosen.mean(dim=-1), chosen.std(dim=-1)], dim=-1)
    torch.testing.assert_close(network.pool(frames, weights), network.xvector.dense(statistics))


@torch.inference_mode()
def test_loudness_does_not_matter(network: campplus.CamPlusPlus) -> None:
    quiet, loud = (network(campplus.filter_bank(noise(1.5) * gain)[None]) for gain in (0.5, 4.0))
    torch.testing.assert_close(quiet, loud, rtol=1e-3, atol=1e-3)


def test_several_masks_at_once_give_what_each_gives_alone(network: campplus.CamPlusPlus) -> None:
    embed = VoiceEmbedding(network)
    waveforms = torch.stack([noise(1.5, seed)[None] for seed in (1, 2)])
    masks = torch.zeros(2, 3, 59)
    masks[:, 0, :30] = masks[:, 1, 20:] = 1.0
    together = embed(waveforms, masks)
    assert together.shape == (2, 3, embed.dimension)
    for speaker in (0, 1):
        np.testing.assert_allclose(together[:, speaker], embed(waveforms, masks[:, speaker]), rtol=1e-4, atol=1e-5)
    assert np.isnan(together[:, 2]).all()
    np.testing.assert_allclose(embed(waveforms), embed(waveforms, torch.ones(2, 59)), rtol=1e-4, atol=1e-5)


def test_the_least_that_has_an_embedding_is_one_frame(network: campplus.CamPlusPlus) -> None:
    embed = VoiceEmbedding(network)
    assert np.isfinite(embed(noise(1.0)[None, None, : embed.min_num_samples])).all()
    mask = torch.zeros(1, 59)
    mask[0, 10:12] = 1.0
    assert np.isfinite(embed(noise(1.0)[None, None], mask)).all()
