"""A recording that is read stretch by stretch, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polyvox.audio import read_flac

Samples = NDArray[np.float32]
BLOCK_SAMPLES = 160_000


class Tape:
    """A FLAC file as one would play it: going on is free, another place is wound to (some 1000 times real time)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._blocks: Iterator[Samples] = iter(())
        self._rewind()

    def read(self, start: int, count: int) -> Samples:
        """Samples from ``start`` on, ``count`` of them or as many as there are; they can be read again.

        Raises:
            Invalid: the file is not readable 16 kHz mono FLAC.
        """
        if start < self._at:
            self._rewind()
        while self._at + self._held_samples < start + count:
            block = next(self._blocks, None)
            if block is None:
                break
            self._held.append(block)
            self._held_samples += len(block)
            self._forget(start)
        self._forget(start)
        held = np.concatenate(self._held) if self._held else np.zeros(0, np.float32)
        return held[max(0, start - self._at) :][:count]

    def _forget(self, before: int) -> None:
        while self._held and self._at + len(self._held[0]) <= before:
            passed = self._held.pop(0)
            self._at += len(passed)
            self._held_samples -= len(passed)

    def _rewind(self) -> None:
        self._blocks = read_flac(self.path, block_samples=BLOCK_SAMPLES)
        self._at = 0
        self._held: list[Samples] = []
        self._held_samples = 0
