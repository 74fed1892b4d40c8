"""Which frames tell a speaker's voice. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def alone_where_possible(active: NDArray[np.float32], min_frames: int) -> NDArray[np.float32]:
    """Masks (windows, frames, speakers) of the frames by which to know each speaker.

    Those in which a speaker is alone, if they are at least ``min_frames``, else all their frames.
    """
    alone = active * (active.sum(axis=2, keepdims=True) < 2)
    enough = alone.sum(axis=1, keepdims=True) >= max(1, min_frames)
    return np.where(enough, alone, active)
