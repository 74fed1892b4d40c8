"""Voice activity: as faster-whisper's whole network gives it, however the recording falls into chunks."""

from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.vad import get_vad_model

from tests.support.diarized_sample import sample_audio
from transcriber.engines.silero import AT_ONCE, FRAME_SAMPLES, silero
from transcriber.engines.vad import NOISE_SAMPLES, ROOM_NOISE, speech_probabilities


@pytest.mark.parametrize("frames", [1, AT_ONCE, AT_ONCE + 1, 900])
def test_probabilities_are_those_of_the_network_as_it_is_shipped(frames: int) -> None:
    audio = sample_audio()[: frames * FRAME_SAMPLES]
    # That one takes what is heard before the first frame from the end of the last, which it makes silent.
    audio[-64:] = 0
    found, expected = silero()(audio), get_vad_model()(audio.copy()).reshape(-1)
    assert found.shape == (frames,)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert frames < AT_ONCE or (found.min() < 0.1 and found.max() > 0.8)


def test_a_recording_without_samples_has_no_frames() -> None:
    assert silero()(np.zeros(0, np.float32)).shape == (0,)
    assert speech_probabilities(np.zeros(0, np.float32)).shape == (0,)


def test_the_noise_of_a_room_goes_on_after_a_minute() -> None:
    """What is heard in exact zeros is the noise alone, the same in every minute but for what came before."""
    minute = NOISE_SAMPLES // FRAME_SAMPLES
    zeros = np.zeros(2 * NOISE_SAMPLES + 1, np.float32)
    found = speech_probabilities(zeros)
    assert found.shape == (2 * minute + 1,)
    assert found.max() < 0.1
    np.testing.assert_allclose(found[10:minute], found[minute + 10 : 2 * minute], atol=0.02)
    assert not zeros.any()
    assert 0 < ROOM_NOISE < 1e-3
