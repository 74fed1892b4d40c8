"""The decoder's memory in torch alone: for GPUs, and as the exact reference on CPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transcriber.engines.whisper.caches import Indices, Shape, Tokens


@dataclass(frozen=True, slots=True)
class Located:
    """A step's tokens on the device; ``ids`` too. ``count`` is set where token i is in row i.

    Then ``beams`` rows in a row hear one slot, the first ones slot 0.
    """

    ids: Tensor
    rows: Tensor
    slots: Tensor
    positions: Tensor
    columns: Tensor
    count: int | None
    beams: int = 1


class TensorCaches:
    """See Caches. Copies no cache in a step whose tokens are in rows and slots 0, 1, 2, … in order."""

    def __init__(self, shape: Shape, *, device: str, dtype: torch.dtype) -> None:
        self._shape = shape
        self._device = device
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        own = (shape.layers, shape.rows, shape.heads, shape.context, shape.head_size)
        self._keys, self._values = torch.zeros(own, **place), torch.zeros(own, **place)
        heard = (shape.layers, shape.slots, shape.heads, shape.positions, shape.head_size)
        self._heard_keys, self._heard_values = torch.zeros(heard, **place), torch.zeros(heard, **place)
        # Never none: a row without audio would make values that are not numbers, which no mask takes out again.
        self._lengths = torch.ones(shape.slots, dtype=torch.long, device=device)
        self._recorded = [torch.tensor(heads, dtype=torch.long, device=device) for heads in shape.recorded]
        self._first = np.cumsum([0, *(len(heads) for heads in shape.recorded)]).tolist()
        # The last column takes what nobody asks for.
        self.unasked = shape.context // 2 + 1
        self._scores = torch.zeros((shape.rows, self._first[-1], self.unasked + 1, shape.positions), **place)
        self._context = torch.arange(shape.context, device=device)
        self._audio = torch.arange(shape.positions, device=device)

    def locate(self, tokens: Tokens) -> Located:
        """See Caches."""
        count = len(tokens.ids)
        in_order = np.arange(count)
        direct = bool((tokens.rows == in_order).all() and (tokens.slots == in_order).all())

        def here(array: Any) -> Tensor:
            return torch.as_tensor(array, dtype=torch.long, device=self._device)

        return Located(
            here(tokens.ids),
            here(tokens.rows),
            here(tokens.slots),
            here(tokens.positions),
            here(np.where(tokens.columns < 0, self.unasked, tokens.columns)),
            count if direct else None,
        )

    def hear(self, slot: int, layer: int, projected: Tensor) -> None:
        """See Caches."""
        positions = projected.shape[0]
        keys, values = projected.view(positions, 2, self._shape.heads, -1).permute(1, 2, 0, 3)
        self._heard_keys[layer, slot, :, :positions] = keys
        self._heard_values[layer, slot, :, :positions] = values
        self._lengths[slot] = positions

    def attend_self(self, layer: int, projected: Tensor, tokens: Located) -> Tensor:
        """See Caches."""
        query, key, value = projected.view(projected.shape[0], 3, self._shape.heads, -1).unbind(1)
        self._keys[layer].index_put_((tokens.rows[:, None], _every(key, 1), tokens.positions[:, None]), key)
        self._values[layer].index_put_((tokens.rows[:, None], _every(value, 1), tokens.positions[:, None]), value)
        keys = _chosen(self._keys[layer], tokens.rows, tokens.count)
        values = _chosen(self._values[layer], tokens.rows, tokens.count)
        seen = self._context[None] <= tokens.positions[:, None]
        return _attend(query, keys, values, seen)[0].flatten(1)

    def attend_cross(self, layer: int, query: Tensor, tokens: Located) -> Tensor:
        """See Caches."""
        query = query.view(query.shape[0], self._shape.heads, -1)
        heard_count = None if tokens.count is None else tokens.count // tokens.beams
        keys = _chosen(self._heard_keys[layer], tokens.slots, heard_count)
        values = _chosen(self._heard_values[layer], tokens.slots, heard_count)
        seen = self._audio[None] < self._lengths[tokens.slots][:, None]
        heard, scores = _attend(query, keys, values, seen, tokens.beams)
        first, last = self._first[layer : layer + 2]
        if first < last:
            recorded = scores[:, self._recorded[layer]]
            self._scores[:, first:last].index_put_(
                (tokens.rows[:, None], _every(recorded, 1), tokens.columns[:, None]),
                recorded,
            )
        return heard.flatten(1)

    def move(self, source: Indices, to: Indices, begins: Indices, ends: Indices) -> None:
        """See Caches."""
        for begin, end in sorted(set(zip(begins.tolist(), ends.tolist(), strict=True))):
            these = (begins == begin) & (ends == end)
            taken, given = (torch.as_tensor(rows[these], device=self._device) for rows in (source, to))
            for cache in (self._keys, self._values):
                cache[:, given, :, begin:end] = cache[:, taken, :, begin:end]

    def scores(self, rows: Indices, slot: int) -> Tensor:
        """See Caches."""
        columns = torch.arange(len(rows), device=self._device)
        found = self._scores[torch.as_tensor(rows, device=self._device), :, columns, : int(self._lengths[slot])]
        return found.transpose(0, 1).float()


def _every(tensor: Tensor, dimension: int) -> Tensor:
    """All indices of a dimension, to be combined with those of others: shape (1, n)."""
    return torch.arange(tensor.shape[dimension], device=tensor.device)[None]


def _chosen(cache: Tensor, indices: Tensor, count: int | None) -> Tensor:
    return cache[:count] if count is not None else cache[indices]


def _attend(query: Tensor, keys: Tensor, values: Tensor, seen: Tensor, beams: int = 1) -> tuple[Tensor, Tensor]:
    """One query each, (tokens, heads, size), scaled already; ``beams`` in a row to the same keys and values.

    Plain products: a single row gains nothing by fusing.
    """
    tokens, heads, size = query.shape
    together = query.view(tokens // beams, beams, heads, size).transpose(1, 2)
    scores = (together @ keys.transpose(2, 3)).transpose(1, 2).reshape(tokens, heads, -1)
    weights = scores.masked_fill(~seen[:, None], -torch.inf).softmax(-1)
    shared = weights.view(tokens // beams, beams, heads, -1).transpose(1, 2)
    return (shared @ values).transpose(1, 2).reshape(tokens, heads, size), scores
