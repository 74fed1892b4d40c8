"""The encoder's layers in whole numbers, for CPUs: weights, room to work in, and the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from whisper.model import LayerNorm, ResidualAttentionBlock

from transcriber.engines.whisper import encoder_kernels as kernels
from transcriber.engines.whisper.integers import Layer, layer
from transcriber.engines.whisper.keys import KIND, key_panels
from transcriber.engines.whisper.tiles import COLUMNS, ROWS, aligned

BITS = 16


class _Norm(NamedTuple):
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Block:
    attention_norm: _Norm
    query_key_value: Layer
    out: Layer
    mlp_norm: _Norm
    up: Layer
    down: Layer


class _Room:
    """Queries, keys and values of all heads for so many positions; see encoder_kernels.project."""

    def __init__(self, positions: int, heads: int, size: int) -> None:
        panels = -(-positions // COLUMNS)
        self.positions = positions
        self.queries = np.zeros((heads, -(-positions // ROWS) * ROWS, size), KIND)
        self.begins = np.zeros(self.queries.shape[:2], np.int32)
        self.keys = key_panels((heads,), positions, size, BITS)
        self.values = aligned((heads, size // COLUMNS, panels * COLUMNS // 2, COLUMNS, 2), np.int16)
        self.query_scales, self.key_scales, self.value_scales = np.zeros((3, heads, panels * COLUMNS), np.float32)
        self.heard = np.zeros((kernels.whole_blocks(positions), heads * size), np.float32)


class IntegerBlocks:
    """All residual attention blocks of an encoder. Not thread-safe: the room is kept from one call to the next."""

    def __init__(self, blocks: torch.nn.ModuleList, heads: int) -> None:
        self._heads = heads
        self._blocks = [_block(block) for block in blocks]
        self._room: _Room | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """(positions, width) float32 to the same."""
        positions, width = x.shape
        hidden = np.zeros((kernels.whole_blocks(positions), width), np.float32)
        hidden[:positions] = x.numpy()
        size = width // self._heads
        if self._room is None or self._room.positions != positions:
            self._room = _Room(positions, self._heads, size)
        room = self._room
        asked = (room.queries, room.query_scales, room.begins)
        parts = (*asked, room.keys, room.key_scales, room.values, room.value_scales)
        for block in self._blocks:
            kernels.project(hidden, positions, block.attention_norm, block.query_key_value, *parts)
            kernels.attend(positions, *parts, np.float32(size**-0.5), room.heard)
            kernels.go_on(hidden, positions, room.heard, block.out, *block.mlp_norm, block.up, block.down)
        return torch.from_numpy(hidden[:positions])


def _block(block: ResidualAttentionBlock) -> _Block:
    query_key_value = joined(block.attn.query, block.attn.key, block.attn.value)
    return _Block(
        attention_norm=_norm(block.attn_ln),
        query_key_value=layer(*query_key_value, BITS),
        out=layer(*joined(block.attn.out), BITS),
        mlp_norm=_norm(block.mlp_ln),
        up=layer(*joined(block.mlp[0]), BITS),
        down=layer(*joined(block.mlp[2]), BITS),
    )


def joined(*layers: torch.nn.Linear) -> tuple[Tensor, Tensor]:
    """Weights and biases of layers with the same input, one after the other; a missing bias is zero."""
    weights = torch.cat([layer.weight.detach().float() for layer in layers])
    biases = [
        torch.zeros(layer.weight.shape[0]) if layer.bias is None else layer.bias.detach().float() for layer in layers
    ]
    return weights, torch.cat(biases)


def _norm(norm: LayerNorm) -> _Norm:
    return _Norm(norm.weight.detach().float().numpy(), norm.bias.detach().float().numpy())
