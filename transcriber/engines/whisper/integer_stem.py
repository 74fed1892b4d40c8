"""The encoder's two convolutions in whole numbers: products, since what one hears lies side by side in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.whisper.encoder_kernels import convolve, whole_blocks
from transcriber.engines.whisper.integers import Layer, layer, quantise
from transcriber.engines.whisper.tiles import aligned

BITS = 16
TAPS = 3


class IntegerStem:
    """Spectrograms to what the first block takes, positions not yet added."""

    def __init__(self, first: torch.nn.Conv1d, second: torch.nn.Conv1d) -> None:
        self._first, self._second = _layer(first), _layer(second)

    def __call__(self, mel: Tensor) -> Tensor:
        """(n_mels, frames) float32 to (frames / 2, width) float32."""
        heard = _convolved(np.ascontiguousarray(mel.numpy().T), self._first, 1)
        return torch.from_numpy(_convolved(heard, self._second, 2))


def _layer(convolution: torch.nn.Conv1d) -> Layer:
    weight = convolution.weight.detach().float()
    return layer(weight.permute(0, 2, 1).reshape(weight.shape[0], -1), convolution.bias, BITS)


def _convolved(heard: NDArray[np.float32], weights: Layer, step: int) -> NDArray[np.float32]:
    """(frames, inputs), with nothing before and after, to (frames / step, outputs), through GELU."""
    frames, inputs = heard.shape
    count = frames // step
    filled = whole_blocks(count)
    # A frame before, and as many after as whole blocks read. All have one scale: neighbours share them.
    padded: NDArray[Any] = aligned((filled * step + TAPS, inputs), np.int16)
    scale = quantise(heard.reshape(-1), weights.steps, padded[1 : frames + 1].reshape(-1))
    size = padded.itemsize
    rows = as_strided(padded, (filled, TAPS * inputs), (step * inputs * size, size), writeable=False)
    out = np.empty((filled, weights.scales.size), np.float32)
    convolve(rows, scale, count, weights, inputs, out)
    return out[:count]
