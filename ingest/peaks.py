"""The waveform as a picture: least and greatest sample of equal stretches, as JSON.

The layout is that of audiowaveform's data format, version 2, which web players read: ``data``
holds pairs of signed 8-bit numbers, least then greatest, one pair for each
``samples_per_pixel`` samples. There are 50 pairs a second in a short recording; the stretches
double until at most ``MAX_PAIRS`` remain, so that the file stays below 80 kB however long the
recording is.
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from polyvox.audio import SAMPLE_RATE_HZ

SAMPLES_PER_PAIR = 320
MAX_PAIRS = 8192


class PeaksWriter:
    """Takes a recording in blocks of any size; holds two bytes for each 20 ms."""

    def __init__(self) -> None:
        self._pairs: list[NDArray[np.int8]] = []
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)

    def add(self, samples: NDArray[np.int16]) -> None:
        """``samples``: int16 of shape (n,), 16 kHz mono."""
        joined = np.concatenate([self._rest, samples])
        whole = joined.size - joined.size % SAMPLES_PER_PAIR
        self._rest = joined[whole:]
        if whole:
            self._pairs.append(_pairs_of(joined[:whole].reshape(-1, SAMPLES_PER_PAIR)))

    def to_json(self) -> bytes:
        """The document for all that was added."""
        last = [_pairs_of(self._rest[None, :])] if self._rest.size else []
        pairs = np.concatenate([np.zeros((0, 2), np.int8), *self._pairs, *last])
        samples_per_pair = SAMPLES_PER_PAIR
        while len(pairs) > MAX_PAIRS:
            pairs = halve(pairs)
            samples_per_pair *= 2
        document = {
            "version": 2,
            "channels": 1,
            "sample_rate": SAMPLE_RATE_HZ,
            "samples_per_pixel": samples_per_pair,
            "bits": 8,
            "length": len(pairs),
            "data": pairs.ravel().tolist(),
        }
        return json.dumps(document, separators=(",", ":")).encode()


def halve(pairs: NDArray[np.int8]) -> NDArray[np.int8]:
    """Join neighbours: shape (n, 2) becomes (ceil(n / 2), 2)."""
    if len(pairs) % 2:
        pairs = np.concatenate([pairs, pairs[-1:]])
    least = np.minimum(pairs[::2, 0], pairs[1::2, 0])
    greatest = np.maximum(pairs[::2, 1], pairs[1::2, 1])
    return np.stack([least, greatest], axis=1)


def _pairs_of(stretches: NDArray[np.int16]) -> NDArray[np.int8]:
    """Shape (n, samples) becomes (n, 2); 16 bits become 8 by dropping the lower ones."""
    return (np.stack([stretches.min(axis=1), stretches.max(axis=1)], axis=1) >> 8).astype(np.int8)
