"""Audio files of any kind as the samples that engines take."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000


def read_audio(path: Path) -> NDArray[np.float32]:
    """The first audio track as mono float32 of 16 kHz, shape (n,)."""
    blocks = []
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        for frame in container.decode(audio=0):
            blocks += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        blocks += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(blocks).astype(np.float32)
