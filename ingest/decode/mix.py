"""Many channels to one without losing a voice: level-keeping mix and a limiter. NumPy only.

A plain mean halves a recording whose other channel is silent and cancels one whose channels
are inverted. Here channels that mirror the strongest one are turned round, and the sum is
scaled so that its power is that of the strongest channel:

    g = sqrt(max_c C[c, c] / (w' C w)),   w[c] = -1 where channel c mirrors the strongest, else 1

with C the channels' covariance, forgotten over half a minute. Identical channels give g = 1/n,
one live channel among silent ones g = 1, n independent voices g = 1/sqrt(n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyvox.audio import SAMPLE_RATE_HZ

BLOCK_SAMPLES = 1152
"""72 ms, a FLAC frame: weights and gains change within one of these at the soonest."""

_MEMORY_BLOCKS = 30 * SAMPLE_RATE_HZ / BLOCK_SAMPLES
_MIRRORED = -0.5
_MIRRORED_NO_MORE = -0.1
_SILENCE_POWER = 1e-10
"""Mean square of -100 dB: below it a block says nothing about the channels."""


class ChannelMix:
    """Mixes blocks of shape (channels, n) to (n,), float32. One channel passes unchanged."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._covariance = np.zeros((channels, channels))
        self._signs = np.ones(channels)
        self._weights: NDArray[np.float64] | None = None

    def mix(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """``block``: float32, finite, at most a few seconds; statistics move by whole calls of ``BLOCK_SAMPLES``."""
        if len(block) == 1:
            only: NDArray[np.float32] = block[0]
            return only
        pieces = [self._mix_one(block[:, at : at + BLOCK_SAMPLES]) for at in range(0, block.shape[1], BLOCK_SAMPLES)]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _mix_one(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        wide = block.astype(np.float64)
        covariance = wide @ wide.T / block.shape[1]
        if covariance.diagonal().max() > _SILENCE_POWER:
            self._covariance = self._covariance * (1 - 1 / _MEMORY_BLOCKS) + covariance
            self._turn_mirrored()
        target = self._signs * self._gain()
        before = target if self._weights is None else self._weights
        # Until something was heard there is nothing to glide from.
        self._weights = target if self._covariance.any() else None
        ramp = np.linspace(0.0, 1.0, block.shape[1])
        weights = before[:, None] + (target - before)[:, None] * ramp
        mixed: NDArray[np.float32] = (weights * wide).sum(axis=0).astype(np.float32)
        return mixed

    def _turn_mirrored(self) -> None:
        power = self._covariance.diagonal()
        strongest = int(power.argmax())
        likeness = self._covariance[strongest] / np.sqrt(np.maximum(power * power[strongest], 1e-30))
        # Between the two thresholds the sign stays: a channel must not flip back and forth.
        kept = self._signs * self._signs[strongest]
        relative = np.where(likeness < _MIRRORED, -1.0, np.where(likeness > _MIRRORED_NO_MORE, 1.0, kept))
        self._signs = relative * self._signs[strongest]

    def _gain(self) -> float:
        power = float(self._signs @ self._covariance @ self._signs)
        strongest = float(self._covariance.diagonal().max())
        if strongest <= 0:
            return 1 / len(self._signs)
        # Channels that cancel each other in part would otherwise be raised without bound.
        return float(np.sqrt(strongest / max(power, 0.1 * strongest)))


class Limiter:
    """Keeps samples within [-1, 1] by turning the gain down around a peak, not by clipping it.

    The gain is a straight line between the borders of blocks; at a border it is the lesser of
    what the blocks on both sides need, so no sample passes full scale. It looks one block
    ahead and so holds one block back.
    """

    def __init__(self) -> None:
        self._held: NDArray[np.float32] | None = None
        self._held_need = 1.0
        self._border_gain = 1.0

    def limit(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next block (n,), give the one before it."""
        need = 1.0 / max(1.0, float(np.abs(block).max(initial=0.0)))
        ready = self._release(need)
        self._held, self._held_need = block, need
        return ready

    def flush(self) -> NDArray[np.float32]:
        """The last block."""
        return self._release(self._held_need)

    def _release(self, next_need: float) -> NDArray[np.float32]:
        held, self._held = self._held, None
        if held is None:
            return np.zeros(0, np.float32)
        start_gain, end_gain = self._border_gain, min(self._held_need, next_need)
        self._border_gain = end_gain
        if start_gain == end_gain == 1.0:
            return held
        ramp = np.linspace(start_gain, end_gain, held.size, dtype=np.float32)
        limited: NDArray[np.float32] = (held * ramp).clip(-1.0, 1.0)
        return limited
