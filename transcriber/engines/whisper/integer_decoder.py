"""The decoder's layers in whole numbers, for CPUs: weights of all layers side by side, and a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from whisper.model import LayerNorm, ResidualAttentionBlock, Whisper

from transcriber.engines.whisper import decoder_kernels, rough
from transcriber.engines.whisper.byte_tiles import host_multiplies_bytes
from transcriber.engines.whisper.caches import Indices, Int8Caches, Tokens
from transcriber.engines.whisper.integer_blocks import joined
from transcriber.engines.whisper.integers import Layer, layer, stacked

BITS = 8
AUDIO_BITS = 16
"""Of the layers that make the audio's keys and values, which have many rows."""


class Weights(NamedTuple):
    """Stacked layers; norms are (layers, 2, width)."""

    self_norm: NDArray[np.float32]
    query_key_value: Layer
    self_out: Layer
    cross_norm: NDArray[np.float32]
    cross_query: Layer
    cross_out: Layer
    mlp_norm: NDArray[np.float32]
    up: Layer
    down: Layer


class IntegerDecoder:
    """openai-whisper's TextDecoder on ``caches``. Not thread-safe."""

    def __init__(self, model: Whisper, caches: Int8Caches) -> None:
        source = model.decoder
        self._caches = caches
        self._width = int(model.dims.n_text_state)
        self._heads = int(model.dims.n_text_head)
        self._vocabulary_size = int(model.dims.n_vocab)
        self._embedding = _short(source.token_embedding.weight.detach().float().numpy())
        self._positional = source.positional_embedding.detach().float().numpy()
        self._last_norm = _norms([source.ln])
        weight = source.token_embedding.weight.detach()
        self._vocabulary: Any
        if host_multiplies_bytes():
            self._vocabulary, self._follow = rough.rough(weight), rough.follow
        else:
            self._vocabulary, self._follow = stacked([layer(weight, None, BITS)]), decoder_kernels.follow
        # Kept from step to step: fresh memory for so much is slower than the rules that it goes through.
        self._logits = np.empty((0, self._vocabulary_size), np.float32)
        self._weights = self._stacked(source.blocks)
        self._audio = [
            layer(*joined(block.cross_attn.key, block.cross_attn.value), AUDIO_BITS) for block in source.blocks
        ]

    def _stacked(self, blocks: Sequence[ResidualAttentionBlock]) -> Weights:
        def every(choose: Callable[[ResidualAttentionBlock], tuple[Tensor, Tensor]]) -> Layer:
            return stacked([layer(*choose(block), BITS) for block in blocks])

        return Weights(
            self_norm=_norms([block.attn_ln for block in blocks]),
            query_key_value=every(
                lambda block: self._scaled(*joined(block.attn.query, block.attn.key, block.attn.value))
            ),
            self_out=every(lambda block: joined(block.attn.out)),
            cross_norm=_norms([block.cross_attn_ln for block in blocks]),
            cross_query=every(lambda block: self._scaled(*joined(block.cross_attn.query))),
            cross_out=every(lambda block: joined(block.cross_attn.out)),
            mlp_norm=_norms([block.mlp_ln for block in blocks]),
            up=every(lambda block: joined(block.mlp[0])),
            down=every(lambda block: joined(block.mlp[2])),
        )

    def _scaled(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """The query, which comes first, scaled as attention takes it."""
        factors = torch.ones(weight.shape[0])
        factors[: self._width] = (self._width // self._heads) ** -0.5
        return weight * factors[:, None], bias * factors

    def hear(self, slot: int, features: Tensor) -> None:
        """See Decoder.hear."""
        source = features.float().contiguous().numpy()
        for index, weights in enumerate(self._audio):
            decoder_kernels.hear(source, weights, self._heads, *self._caches.room(index, slot, source.shape[0]))

    def step(self, tokens: Tokens, wanted: Indices) -> Tensor:
        """See Decoder.step. The next step writes to the same place."""
        x = self._embedding[tokens.ids] + self._positional[tokens.positions]
        record_at = np.stack([np.where(tokens.columns < 0, -1, tokens.rows), tokens.columns], 1)
        own, heard = self._caches.all_layers()
        decoder_kernels.step(x, self._weights, own, heard, tokens.rows, tokens.slots, tokens.positions, record_at)
        if len(self._logits) < len(wanted):
            self._logits = np.empty((len(wanted), self._vocabulary_size), np.float32)
        logits = self._logits[: len(wanted)]
        self._follow(x[wanted], self._last_norm, self._vocabulary, logits)
        return torch.from_numpy(logits)


def _norms(norms: Sequence[LayerNorm]) -> NDArray[np.float32]:
    return np.stack([np.stack([one.weight.detach().float(), one.bias.detach().float()]) for one in norms])


def _short(weights: NDArray[np.float32]) -> NDArray[Any]:
    """In 16 bits if that is what they were published in: half the memory, and the same numbers."""
    short = weights.astype(np.float16)
    return short if np.array_equal(short, weights) else weights
