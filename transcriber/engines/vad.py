"""Voice activity, decided once for everything that follows."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.silero import FRAME_SAMPLES, silero
from transcriber.speech import ON, Region, find_regions, split_long
from transcriber.windows import MAX_S, SAMPLE_RATE_HZ

ROOM_NOISE = 1e-4
"""-80 dBFS. After a minute of exact zeros Silero takes a second to hear a voice; after a quiet room it does not."""

NOISE_SAMPLES = 60 * SAMPLE_RATE_HZ
"""Then it begins again."""


def speech_probabilities(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability of speech for each 512 samples of mono 16 kHz audio; shape (ceil(n / 512),)."""
    padded = np.pad(audio, (0, -audio.size % FRAME_SAMPLES))
    for first in range(0, padded.size, NOISE_SAMPLES):
        some = padded[first : first + NOISE_SAMPLES]
        some += _noise()[: some.size]
    return silero()(padded)


@cache
def _noise() -> NDArray[np.float32]:
    return ROOM_NOISE * np.random.default_rng(0).standard_normal(NOISE_SAMPLES, np.float32)


def find_speech(audio: NDArray[np.float32], *, longest_s: float = MAX_S, speech_from: float = ON) -> list[Region]:
    """Regions of speech in seconds, in order, none longer than ``longest_s``, by default a window."""
    probabilities = speech_probabilities(audio)
    regions = find_regions(probabilities, duration_s=audio.size / SAMPLE_RATE_HZ, speech_from=speech_from)
    return split_long(regions, probabilities, max_s=longest_s)
