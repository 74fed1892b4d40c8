"""Steps of running sequences in a few fixed sizes, which a GPU replays as recorded graphs.

A step of a small model is hundreds of short kernels, and starting them takes longer than running them. A CUDA
graph starts them at once, but always with the same shapes and addresses: so rows up to the next size take part
even when nothing is written in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from transcriber.engines.whisper.caches import Indices, Tokens
from transcriber.engines.whisper.tensor_caches import Located

WARM_UPS = 3
"""Runs before recording, in which libraries choose kernels and take memory."""


@dataclass(slots=True)
class _Bucket:
    located: Located
    logits: Tensor
    graph: torch.cuda.CUDAGraph | None


class Buckets:
    """Runs ``forward`` for rows 0, 1, 2, … up to a power of two of slots.

    Args:
        beams: how many rows hear one slot.
        forward: tokens to float32 logits of what follows each; reads and writes only tensors that stay in place.
        idle_position: where rows that do not take part write what nobody reads.
        idle_column: the same for their scores.
    """

    def __init__(
        self,
        forward: Callable[[Located], Tensor],
        *,
        device: str,
        rows: int,
        beams: int = 1,
        idle_position: int,
        idle_column: int,
    ) -> None:
        self._forward = forward
        self._device = device
        self._rows = rows
        self._beams = beams
        self._idle = (0, idle_position, idle_column)
        self._buckets: dict[int, _Bucket] = {}

    def step(self, tokens: Tokens) -> Tensor:
        """Logits (tokens, vocabulary), for at most one token of each row, whose slot is its row's, as Located says."""
        slot = int(tokens.rows.max()) // self._beams
        size = min(self._beams << slot.bit_length(), self._rows)
        values = np.tile(np.array(self._idle)[:, None], (1, size))
        values[:, tokens.rows] = [
            tokens.ids,
            tokens.positions,
            np.where(tokens.columns < 0, self._idle[2], tokens.columns),
        ]
        if size not in self._buckets:
            self._buckets[size] = self._made(size, values)
        bucket = self._buckets[size]
        fresh = torch.as_tensor(values, device=self._device)
        for place, row in zip(
            (bucket.located.ids, bucket.located.positions, bucket.located.columns), fresh, strict=True
        ):
            place.copy_(row)
        if bucket.graph is None:
            bucket.logits = self._forward(bucket.located)
        else:
            bucket.graph.replay()
        # A copy: the next step writes to the same place.
        return bucket.logits[torch.as_tensor(tokens.rows, device=self._device)]

    def _made(self, size: int, values: Indices) -> _Bucket:
        ids, positions, columns = torch.as_tensor(values, device=self._device).unbind(0)
        rows = torch.arange(size, device=self._device)
        located = Located(ids.clone(), rows, rows // self._beams, positions.clone(), columns.clone(), size, self._beams)
        if not self._device.startswith("cuda"):
            return _Bucket(located, torch.empty(0), None)
        beside = torch.cuda.Stream(self._device)
        beside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(beside):
            # Running a step again writes the same values to the same places.
            for _ in range(WARM_UPS):
                self._forward(located)
        torch.cuda.current_stream(self._device).wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            logits = self._forward(located)
        return _Bucket(located, logits, graph)
