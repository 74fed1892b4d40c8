"""Voice activity: Silero, as faster-whisper ships it. Decides once for everything that follows."""

from __future__ import annotations

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from transcriber.speech import ON, Region, find_regions, split_long
from transcriber.windows import MAX_S, SAMPLE_RATE_HZ

FRAME_SAMPLES = 512
ROOM_NOISE = 1e-4
"""-80 dBFS. After a minute of exact zeros Silero takes a second to hear a voice; after a quiet room it does not."""


def speech_probabilities(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech for each 512 samples of mono 16 kHz audio; shape (ceil(n / 512),)."""
    if not audio.size:
        return np.zeros(0, np.float32)
    padded = np.pad(audio, (0, -audio.size % FRAME_SAMPLES))
    padded += ROOM_NOISE * np.random.default_rng(0).standard_normal(padded.size, np.float32)
    return np.asarray(get_vad_model()(padded), np.float32).reshape(-1)


def find_speech(audio: NDArray[np.float32], *, longest_s: float = MAX_S, speech_from: float = ON) -> list[Region]:
    """Regions of speech in seconds, in order, none longer than ``longest_s``, by default a window."""
    probabilities = speech_probabilities(audio)
    regions = find_regions(probabilities, duration_s=audio.size / SAMPLE_RATE_HZ, speech_from=speech_from)
    return split_long(regions, probabilities, max_s=longest_s)
