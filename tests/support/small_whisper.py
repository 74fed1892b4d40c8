"""A Whisper of a few layers with random weights, and sounds that it was never trained to hear."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from whisper.model import ModelDimensions, Whisper

from transcriber.engines.whisper.selection import Search

DIMENSIONS = ModelDimensions(
    n_mels=80,
    n_audio_ctx=150,
    n_audio_state=128,
    n_audio_head=2,
    n_audio_layer=2,
    n_vocab=51865,
    n_text_ctx=64,
    n_text_state=128,
    n_text_head=2,
    n_text_layer=2,
)

OPENAI_SEARCH = Search(alike=DIMENSIONS.n_text_ctx, shift=0, behind=np.inf)
"""Finds what openai-whisper's beam search finds: none has so many tokens, so none are alike; none is too far behind."""


def small_whisper(dimensions: ModelDimensions = DIMENSIONS, *, seed: int = 3) -> Whisper:
    torch.manual_seed(seed)
    model = Whisper(dimensions).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.08)
    return model


def mels(count: int, *, seed: int = 5) -> Tensor:
    """Spectrograms (count, 80, 300) of nothing in particular."""
    return torch.randn(count, 80, 300, generator=torch.Generator().manual_seed(seed))
