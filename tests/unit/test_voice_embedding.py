"""The embedding network's arithmetic, which holds whatever the weights are."""

from __future__ import annotations

import pytest
import torch

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
