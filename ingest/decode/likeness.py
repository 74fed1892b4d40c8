"""Whether two channels are one, recorded twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ALIKE_DB = -40.0
"""Lossy codecs leave two copies of one channel this far apart."""


class Likeness:
    """Compares channels as they are read."""

    def __init__(self) -> None:
        self._difference = 0.0
        self._power = 0.0

    def add(self, channels: NDArray[np.int16]) -> None:
        """``channels``: shape (channels, n); fewer than two say nothing."""
        if len(channels) < 2:
            return
        left, right = channels[0].astype(np.float64), channels[1].astype(np.float64)
        # One of two copies may have its poles swapped.
        apart, mirrored = np.square(left - right).sum(), np.square(left + right).sum()
        self._difference += min(apart, mirrored)
        self._power += np.square(left).sum() + np.square(right).sum()

    @property
    def are_alike(self) -> bool:
        """Also where nothing was heard at all."""
        return self._difference <= self._power * 10 ** (ALIKE_DB / 10)
