"""From what pyannote.audio's pipelines return to turns, names and vectors of ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pyannote.core import Annotation, Segment

from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn
from diarizer.engines.pyannote import PyannoteEngine

SAMPLES = np.zeros(10 * 16_000, np.float32)


def annotation(*turns: tuple[float, float, str]) -> Annotation:
    found = Annotation(uri="recording")
    for index, (start_s, end_s, speaker) in enumerate(turns):
        found[Segment(start_s, end_s), index] = speaker
    return found


def diarize(output: Any, options: DiarizeOptions = DiarizeOptions()) -> tuple[Diarized, dict[str, Any]]:  # noqa: B008
    """What the engine makes of ``output``, and what it asked the pipeline for."""
    asked: dict[str, Any] = {}

    def pipeline(file: dict[str, Any], **kwargs: Any) -> Any:
        assert set(file) == {"waveform", "sample_rate", "uri"}
        asked.update(kwargs)
        return output

    result = PyannoteEngine(pipeline, "recorded").diarize(SAMPLES, options)
    return result, {name: value for name, value in asked.items() if name != "hook"}


def full(turns: Annotation, exclusive: Annotation, centres: list[list[float]]) -> SimpleNamespace:
    return SimpleNamespace(
        speaker_diarization=turns,
        exclusive_speaker_diarization=exclusive,
        speaker_embeddings=np.array(centres),
    )


def test_speakers_are_named_by_first_speech_with_their_own_vectors() -> None:
    turns = annotation((4.0, 6.0, "SPEAKER_00"), (1.0, 5.0, "SPEAKER_01"))
    result, _ = diarize(full(turns, annotation((1.0, 5.0, "SPEAKER_01"), (5.0, 6.0, "SPEAKER_00")), [[3, 4], [0, 2]]))
    assert result.turns == [EngineTurn(1.0, 5.0, "S1"), EngineTurn(4.0, 6.0, "S2")]
    assert result.exclusive_turns == [EngineTurn(1.0, 5.0, "S1"), EngineTurn(5.0, 6.0, "S2")]
    np.testing.assert_allclose(result.embeddings["S1"], [0.0, 1.0])
    np.testing.assert_allclose(result.embeddings["S2"], [0.6, 0.8])


def test_a_speaker_made_up_by_the_speaker_count_is_dropped() -> None:
    turns = annotation((1.0, 5.0, "SPEAKER_00"), (2.0, 3.0, "SPEAKER_01"))
    result, _ = diarize(full(turns, annotation((1.0, 5.0, "SPEAKER_00")), [[1, 0], [0, 0]]))
    assert result.turns == [EngineTurn(1.0, 5.0, "S1")]
    assert set(result.embeddings) == {"S1"}


def test_turns_end_with_the_recording() -> None:
    turns = annotation((8.0, 10.4, "SPEAKER_00"), (10.1, 10.3, "SPEAKER_01"))
    result, _ = diarize(full(turns, turns, [[1, 0], [0, 1]]))
    assert result.turns == result.exclusive_turns == [EngineTurn(8.0, 10.0, "S1")]


def test_pipelines_that_give_turns_only_get_exclusive_turns_from_us() -> None:
    result, _ = diarize(annotation((1.0, 5.0, "A"), (4.0, 6.0, "B")))
    assert result.turns == [EngineTurn(1.0, 5.0, "S1"), EngineTurn(4.0, 6.0, "S2")]
    assert result.exclusive_turns == [EngineTurn(1.0, 5.0, "S1"), EngineTurn(5.0, 6.0, "S2")]
    assert result.embeddings == {}


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (DiarizeOptions(), {}),
        (DiarizeOptions(num_speakers=3, max_speakers=2), {"num_speakers": 3}),
        (DiarizeOptions(min_speakers=2), {"min_speakers": 2}),
        (DiarizeOptions(min_speakers=0, max_speakers=0), {"min_speakers": 1, "max_speakers": 1}),
        (DiarizeOptions(min_speakers=4, max_speakers=2), {"min_speakers": 4, "max_speakers": 4}),
    ],
)
def test_bounds_are_made_to_make_sense(options: DiarizeOptions, asked: dict[str, int]) -> None:
    assert diarize(annotation(), options)[1] == asked
