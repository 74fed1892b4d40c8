"""How loud channels are, and whether they are two ends of a call or one sound in two places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.base import Comparison
from diarizer.engines.timeline import FRAME_MIDDLE_S, FRAME_STEP_S
from polyvox.audio import SAMPLE_RATE_HZ, read_flac

Samples = NDArray[np.float32]
Levels = NDArray[np.float64]

STEP = round(FRAME_STEP_S * SAMPLE_RATE_HZ)
LEAD = round(FRAME_MIDDLE_S * SAMPLE_RATE_HZ) // STEP
"""Steps from a frame's number to the step in its middle."""
SMOOTH = 21
"""Steps that a level is taken over: 0.35 s, a short word."""
SILENCE = 1e-12

BLOCK = SAMPLE_RATE_HZ // 2
LAG = SAMPLE_RATE_HZ // 100
"""10 ms: what sound takes over 3 m, and more than two channels of one recorder are apart."""
HEARD_DB = -55.0
ALIKE = 0.6
NEAR_DB = 6.0
"""One sound in two places: the channels are this much alike, and as loud but for so much."""


def compare(channels: Sequence[Path]) -> Comparison:
    """Compare the first two channels, 16 kHz mono FLAC files, in constant memory; every other half second is.

    Raises:
        Invalid: a file is not readable FLAC.
    """
    heard = shared = 0
    blocks = zip(*(read_flac(path, block_samples=BLOCK) for path in channels[:2]), strict=False)
    for number, (left, right) in enumerate(blocks):
        size = min(len(left), len(right))
        if number % 2 or size < 2 * LAG:
            continue
        powers = [float(np.mean(np.square(side[:size], dtype=np.float64))) + SILENCE for side in (left, right)]
        if 10 * np.log10(max(powers)) < HEARD_DB:
            continue
        heard += 1
        near = abs(10 * np.log10(powers[0] / powers[1])) < NEAR_DB
        shared += bool(near and likeness(left[:size], right[:size]) > ALIKE)
    return Comparison(shared / heard if heard else 0.0)


def likeness(left: Samples, right: Samples) -> float:
    """Greatest correlation of two pieces of sound, whichever is up to 10 ms later or turned round; 0 to 1."""
    size = 1 << (2 * len(left) - 1).bit_length()
    spectrum = np.fft.rfft(left, size) * np.conj(np.fft.rfft(right, size))
    correlation = np.abs(np.fft.irfft(spectrum, size))
    near = max(float(correlation[: LAG + 1].max()), float(correlation[-LAG:].max()))
    return near / max(float(np.linalg.norm(left)) * float(np.linalg.norm(right)), SILENCE)


def levels_db(path: Path) -> Levels:
    """Level of each frame of the segmentation's grid, in dB of full scale, shape (frames,).

    Raises:
        Invalid: the file is not readable FLAC.
    """
    powers = [np.zeros(0)]
    for block in read_flac(path, block_samples=STEP * 1000):
        whole = np.square(np.pad(block, (0, -len(block) % STEP)), dtype=np.float64)
        powers.append(whole.reshape(-1, STEP).mean(axis=1))
    power = np.concatenate(powers)
    if not power.size:
        return power
    smooth = np.convolve(np.pad(power, SMOOTH // 2, mode="edge"), np.full(SMOOTH, 1 / SMOOTH), mode="valid")
    shifted = np.concatenate([smooth[LEAD:], np.full(min(LEAD, len(smooth)), smooth[-1])])
    result: Levels = 10 * np.log10(np.maximum(shifted, SILENCE))
    return result
