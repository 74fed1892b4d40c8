"""What is heard of conversations that nobody had: voices and turns are known exactly."""

from __future__ import annotations

import numpy as np

from diarizer.engines.heard import Heard
from diarizer.engines.timeline import FRAMES, MAX_SPEAKERS


def conversation(hours: float, people: int, *, step_s: float = 5.0, seed: int = 0) -> Heard:
    """People who speak one after the other, each for 30 s, with voices that wander a little."""
    random = np.random.default_rng(seed)
    starts_s = np.arange(0.0, hours * 3600.0, step_s)
    frame_s = starts_s[:, None] + np.arange(FRAMES) * 10.0 / FRAMES
    speaker = (frame_s // 30.0 % people).astype(int)
    centres = np.linalg.qr(random.normal(size=(192, people)))[0].T
    active = np.zeros((len(starts_s), FRAMES, MAX_SPEAKERS), bool)
    vectors = np.full((len(starts_s), MAX_SPEAKERS, 192), np.nan, np.float32)
    for window, speakers in enumerate(speaker):
        for voice, name in enumerate(np.unique(speakers)):
            active[window, :, voice] = speakers == name
            vectors[window, voice] = centres[name] + random.normal(scale=0.03, size=192)
    return Heard(starts_s, active, vectors, float(starts_s[-1] + 10.0), is_last=True)
