"""Our networks beside pyannote.audio, which is imported here alone: it takes seconds."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diarizer.engines import campplus, segmentation
from polyvox import weights
from polyvox.errors import Invalid
from polyvox.settings import Settings


def noise(seconds: float, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(int(seconds * campplus.SAMPLE_RATE_HZ), generator=generator)


@pytest.fixture
def embed() -> Any:
    """As pyannote's pipelines ask a network of voices."""
    from benchmarks.stock_embedding import VoiceEmbedding

    torch.manual_seed(0)
    return VoiceEmbedding(campplus.CamPlusPlus().eval())


@pytest.fixture
def checkpoint() -> Path:
    return weights.pull("pyannote-segmentation-3.0", Settings().weights_dir) / "pytorch_model.bin"


@pytest.mark.models
@torch.inference_mode()
def test_segmentation_is_what_pyannote_makes_of_the_same_weights(checkpoint: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.audio import Model
        from pyannote.audio.utils.powerset import Powerset

        theirs: Any = Model.from_pretrained(checkpoint)
    known = theirs.specifications
    sets = Powerset(len(known.classes), known.powerset_max_classes).mapping.numpy()
    assert np.array_equal(segmentation.members(), sets.astype(np.bool_))
    windows = torch.stack([noise(10.0, seed)[None] for seed in (1, 2)])
    ours = segmentation.load(checkpoint)(windows).log_softmax(dim=-1)
    torch.testing.assert_close(ours, theirs.eval()(windows), rtol=1e-5, atol=1e-5)


def test_what_is_no_checkpoint_of_segmentation_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.bin")
    (tmp_path / "text.bin").write_text("no checkpoint")
    for name in ("other.bin", "text.bin"):
        with pytest.raises(Invalid, match=name):
            segmentation.load(tmp_path / name)


def test_several_masks_at_once_give_what_each_gives_alone(embed: Any) -> None:
    waveforms = torch.stack([noise(1.5, seed)[None] for seed in (1, 2)])
    masks = torch.zeros(2, 3, 59)
    masks[:, 0, :30] = masks[:, 1, 20:] = 1.0
    together = embed(waveforms, masks)
    assert together.shape == (2, 3, embed.dimension)
    for speaker in (0, 1):
        np.testing.assert_allclose(together[:, speaker], embed(waveforms, masks[:, speaker]), rtol=1e-4, atol=1e-5)
    assert np.isnan(together[:, 2]).all()
    np.testing.assert_allclose(embed(waveforms), embed(waveforms, torch.ones(2, 59)), rtol=1e-4, atol=1e-5)


def test_the_least_that_has_an_embedding_is_one_frame(embed: Any) -> None:
    assert np.isfinite(embed(noise(1.0)[None, None, : embed.min_num_samples])).all()
    mask = torch.zeros(1, 59)
    mask[0, 10:12] = 1.0
    assert np.isfinite(embed(noise(1.0)[None, None], mask)).all()
