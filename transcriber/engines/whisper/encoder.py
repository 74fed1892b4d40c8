"""The audio encoder: spectrograms of any length up to 30 s to features."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from whisper.audio import log_mel_spectrogram
from whisper.model import LayerNorm, ResidualAttentionBlock, Whisper

from transcriber.engines.whisper.integer_blocks import IntegerBlocks, joined
from transcriber.engines.whisper.integer_stem import IntegerStem
from transcriber.engines.whisper.linear import Linear, LinearMaker

SAMPLES_PER_POSITION = 320
POSITIONS_PER_S = 50
SILENCE_S = 5.0
"""Heard after the audio. Whisper was trained on 30 s; with 5 s WER stays the same, with 2 s it begins to loop."""

ROUND_TO = 50


@dataclass(frozen=True, slots=True)
class _Block:
    attention_norm: Linear
    query_key_value: Linear
    out: Linear
    mlp_norm: Linear
    up: Linear
    down: Linear


class Encoder:
    """openai-whisper's AudioEncoder on its own weights, without gradients, heads in one product each."""

    def __init__(self, model: Whisper, linear: LinearMaker) -> None:
        source = model.encoder
        self.positions = int(model.dims.n_audio_ctx)
        self._n_mels = int(model.dims.n_mels)
        self._heads = int(model.dims.n_audio_head)
        self._device, self._dtype = linear.device, linear.dtype
        self._positional = source.positional_embedding.detach().to(self._device, self._dtype)
        self._norm = _norm(source.ln_post, linear)
        self._integers: tuple[IntegerStem, IntegerBlocks] | None = None
        self._convolutions: list[tuple[Tensor, Tensor, int]] = []
        self._blocks: list[_Block] = []
        if linear.precision == "int8":
            self._integers = IntegerStem(source.conv1, source.conv2), IntegerBlocks(source.blocks, self._heads)
        else:
            # A tenth of the work and the first to hear: they take no fewer bits than the device computes with.
            self._convolutions = [
                (
                    one.weight.detach().to(linear.device, linear.dtype),
                    one.bias.detach().to(linear.device, linear.dtype),
                    step,
                )
                for one, step in ((source.conv1, 1), (source.conv2, 2))
            ]
            self._blocks = [self._block(block, linear) for block in source.blocks]
        # In bfloat16 torch's fused kernel for CPUs is slower than plain products (measured: by 1.6).
        self._plain_attention = self._device == "cpu" and self._dtype == torch.bfloat16

    @staticmethod
    def _block(block: ResidualAttentionBlock, linear: LinearMaker) -> _Block:
        return _Block(
            attention_norm=_norm(block.attn_ln, linear),
            query_key_value=linear(*joined(block.attn.query, block.attn.key, block.attn.value)),
            out=linear(*joined(block.attn.out)),
            mlp_norm=_norm(block.mlp_ln, linear),
            up=linear(*joined(block.mlp[0])),
            down=linear(*joined(block.mlp[2])),
        )

    def positions_for(self, duration_s: float) -> int:
        """How many positions of 20 ms to encode for that much audio."""
        wanted = math.ceil((duration_s + SILENCE_S) * POSITIONS_PER_S / ROUND_TO) * ROUND_TO
        return min(wanted, self.positions)

    def spectrogram(self, audio: NDArray[np.float32], positions: int) -> Tensor:
        """Log-mel of mono 16 kHz audio with silence up to ``positions``: (n_mels, 2 × positions)."""
        samples = positions * SAMPLES_PER_POSITION
        padded = np.zeros(samples, np.float32)
        padded[: audio.size] = audio[:samples]
        return log_mel_spectrogram(torch.from_numpy(padded).to(self._device), self._n_mels).to(self._dtype)

    def __call__(self, mel: Tensor) -> Tensor:
        """(batch, n_mels, 2 × positions) to (batch, positions, width)."""
        if self._integers is not None:
            stem, blocks = self._integers
            return self._norm(torch.stack([blocks(self._placed(stem(one))) for one in mel]))
        x = mel
        for weight, bias, step in self._convolutions:
            x = functional.gelu(functional.conv1d(x, weight, bias, stride=step, padding=1))
        x = self._placed(x.transpose(1, 2))
        for block in self._blocks:
            x = x + block.out(self._attend(block.query_key_value(block.attention_norm(x))))
            x = x + block.down(functional.gelu(block.up(block.mlp_norm(x))))
        return self._norm(x)

    def _placed(self, x: Tensor) -> Tensor:
        """(…, positions, width), each told where it is."""
        return x + self._positional[: x.shape[-2]]

    def _attend(self, projected: Tensor) -> Tensor:
        batch, positions, triple = projected.shape
        query, key, value = projected.view(batch, positions, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        if self._plain_attention:
            heard = _plain(query, key, value)
        else:
            heard = functional.scaled_dot_product_attention(query, key, value)
        return heard.transpose(1, 2).reshape(batch, positions, triple // 3)


def _plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One head at a time, so that its scores stay in the cache."""
    heard = torch.empty_like(query)
    scale = query.shape[-1] ** -0.5
    for index in range(query.shape[0]):
        for head in range(query.shape[1]):
            scores = (query[index, head] * scale) @ key[index, head].t()
            heard[index, head] = scores.softmax(-1) @ value[index, head]
    return heard


def _norm(layer: LayerNorm, linear: LinearMaker) -> Linear:
    weight = layer.weight.detach().to(linear.device, linear.dtype)
    bias = layer.bias.detach().to(linear.device, linear.dtype)
    return lambda x: functional.layer_norm(x, weight.shape, weight, bias)
