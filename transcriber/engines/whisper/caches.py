"""What the decoder remembers of each sequence: keys and values of its tokens and of its audio.

A *row* is a sequence being written, a *slot* the audio that it hears; several rows may hear one slot.
The two kinds have one face: ``Int8Caches`` here is for CPUs, with kernels of our own and the audio's half in
8 bits; ``TensorCaches`` (tensor_caches.py) is torch alone, for GPUs and as the exact reference.
"""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from transcriber.engines.whisper import kernels
from transcriber.engines.whisper.keys import key_panels
from transcriber.engines.whisper.tiles import COLUMNS, aligned

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shape:
    """``recorded``: for each layer, the heads whose cross-attention follows time."""

    layers: int
    heads: int
    width: int
    context: int
    positions: int
    rows: int
    slots: int
    recorded: tuple[tuple[int, ...], ...]

    @property
    def head_size(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True, slots=True)
class Tokens:
    """A step's tokens, flat: any number for any row. All arrays (tokens,)."""

    ids: Indices
    rows: Indices
    slots: Indices
    positions: Indices
    columns: Indices
    """Which of its row's predictions each token makes, counted from the first sampled one; -1 for none."""


class Caches(Protocol):
    def locate(self, tokens: Tokens) -> Any:
        """``tokens`` as the two kinds of attention take them."""

    def hear(self, slot: int, layer: int, projected: Tensor) -> None:
        """Keep a layer's keys and values (positions, 2 × width) of the audio in ``slot``."""

    def attend_self(self, layer: int, projected: Tensor, tokens: Any) -> Tensor:
        """(tokens, 3 × width) to (tokens, width)."""

    def attend_cross(self, layer: int, query: Tensor, tokens: Any) -> Tensor:
        """(tokens, width) to (tokens, width)."""

    def move(self, source: Indices, to: Indices, begins: Indices, ends: Indices) -> None:
        """Let the rows ``to`` remember the tokens at positions from ``begins`` to ``ends`` as ``source`` do.

        All arrays (moved,). All at once: a row may give what it has and take what another has, if the positions are the
        same.
        """

    def scores(self, rows: Indices, slot: int) -> Tensor:
        """What the recorded heads heard with: (recorded heads, columns, positions of the slot), before softmax.

        ``rows``: (columns,), the row that made each prediction.
        """


def as_it_grows(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that take memory only where something is written.

    numpy asks for huge pages, of which a few tokens of each row and head touch almost all.
    """
    size_bytes = max(math.prod(shape) * np.dtype(dtype).itemsize, 1)
    room = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        room.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(room, dtype, math.prod(shape)).reshape(shape)


class Int8Caches:
    """See the module. Memory is taken page by page as sequences grow.

    Nothing is copied from row to row: each knows in which row its tokens were written.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        layers, heads, size = shape.layers, shape.heads, shape.head_size
        own = (layers, shape.rows, heads, shape.context, size)
        self._keys, self._values = as_it_grows(own, np.int8), as_it_grows(own, np.int8)
        self._scales = as_it_grows((*own[:-1], 2), np.float32)
        self._writers = np.zeros((shape.rows, shape.context), np.int64)
        heard = (layers, shape.slots, heads)
        panels = -(-shape.positions // COLUMNS)
        self._heard_keys = key_panels(heard, shape.positions, size, 8)
        self._heard_values = aligned((*heard, size // COLUMNS, panels * COLUMNS // 2, COLUMNS, 2), np.int8)
        self._key_scales, self._value_scales = np.zeros((2, *heard, panels * COLUMNS), np.float32)
        self._lengths = np.zeros(shape.slots, np.int64)
        self._recorded = np.full((layers, heads), -1, np.int64)
        places = [(layer, head) for layer, chosen in enumerate(shape.recorded) for head in chosen]
        for place, (layer, head) in enumerate(places):
            self._recorded[layer, head] = place
        scores = (shape.rows, len(places), shape.context // 2 + 1, shape.positions)
        self._scores = as_it_grows(scores, np.int16)

    def locate(self, tokens: Tokens) -> Tokens:
        """See Caches."""
        return tokens

    def hear(self, slot: int, layer: int, projected: Tensor) -> None:
        """See Caches."""
        kernels.remember(projected.float().numpy(), self._shape.heads, *self.room(layer, slot, projected.shape[0]))

    def room(self, layer: int, slot: int, positions: int) -> tuple[NDArray[Any], ...]:
        """Where kernels.remember puts what is heard in ``slot``, from now on of so many positions."""
        self._lengths[slot] = positions
        return (
            self._heard_keys[layer, slot],
            self._key_scales[layer, slot],
            self._heard_values[layer, slot],
            self._value_scales[layer, slot],
        )

    def all_layers(self) -> tuple[tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
        """What kernels.attend_self, and what kernels.attend_cross and record take, of all layers."""
        own = (self._keys, self._values, self._scales, self._writers)
        heard = (self._heard_keys, self._key_scales, self._heard_values, self._value_scales)
        return own, (*heard, self._lengths, self._recorded, self._scores)

    def attend_self(self, layer: int, projected: Tensor, tokens: Any) -> Tensor:
        """See Caches."""
        source = projected.float().numpy()
        out = np.empty((source.shape[0], self._shape.width), np.float32)
        kept = self._keys[layer], self._values[layer], self._scales[layer]
        kernels.attend_self(source, *kept, self._writers, tokens.rows, tokens.slots, tokens.positions, out)
        return torch.from_numpy(out).to(projected.dtype)

    def attend_cross(self, layer: int, query: Tensor, tokens: Any) -> Tensor:
        """See Caches."""
        out = np.empty(tuple(query.shape), np.float32)
        record_at = np.stack([np.where(tokens.columns < 0, -1, tokens.rows), tokens.columns], 1)
        kernels.attend_cross(
            query.float().numpy(),
            self._heard_keys[layer],
            self._key_scales[layer],
            self._heard_values[layer],
            self._value_scales[layer],
            tokens.slots,
            self._lengths,
            self._recorded[layer],
            record_at,
            self._scores,
            out,
        )
        return torch.from_numpy(out).to(query.dtype)

    def move(self, source: Indices, to: Indices, begins: Indices, ends: Indices) -> None:
        """See Caches."""
        # Where they begin to differ is of no matter here: what stands before is the same.
        self._writers[to] = self._writers[source]

    def scores(self, rows: Indices, slot: int) -> Tensor:
        """See Caches."""
        recorded = self._scores[rows, :, np.arange(len(rows)), : self._lengths[slot]].swapaxes(0, 1)
        return torch.from_numpy(recorded.astype(np.float32) / np.float32(kernels.SCORE_STEPS))
