"""The diarizer's engine with real weights on a real conversation of two people."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from diarizer import turns as arithmetic
from diarizer.children import EMBEDDING, SEGMENTATION
from diarizer.engines import host
from diarizer.engines.base import Diarized, DiarizeOptions, DiarizerEngine, EngineTurn
from polyvox import weights
from polyvox.errors import Invalid
from polyvox.settings import Settings
from tests.support.diarized_sample import SAMPLE_RATE_HZ, error_rate, reference_turns, sample_audio

pytestmark = pytest.mark.models

DURATION_S = 30.0
Ask = Callable[[DiarizeOptions], Diarized]


@pytest.fixture(scope="module")
def engine() -> DiarizerEngine:
    folder = Settings().weights_dir
    segmentation, embedding = (weights.pull(name, folder) / file for name, file in (SEGMENTATION, EMBEDDING))
    return host.load(pipeline="builtin", segmentation=segmentation, embedding=embedding, device="cpu")


@pytest.fixture(scope="module")
def diarized(engine: DiarizerEngine) -> Ask:
    """The sample with given options; each is computed once."""
    audio = sample_audio()
    return cache(lambda options: engine.diarize(audio, options))


def speakers(result: Diarized) -> set[str]:
    return {turn.speaker for turn in result.turns}


def test_the_sample_is_told_apart(diarized: Ask) -> None:
    result = diarized(DiarizeOptions())
    assert speakers(result) == {"S1", "S2"}
    assert error_rate(reference_turns(), result.turns, DURATION_S) <= 0.08


def test_the_result_keeps_its_promises(diarized: Ask) -> None:
    result = diarized(DiarizeOptions())
    assert result.turns == arithmetic.within(result.turns, DURATION_S)
    assert arithmetic.overlaps(result.turns), "the sample has overlapped speech"
    assert arithmetic.union(result.exclusive_turns) == arithmetic.union(result.turns)
    assert not arithmetic.overlaps(result.exclusive_turns)
    assert set(arithmetic.names_by_first_speech(result.turns).items()) == {("S1", "S1"), ("S2", "S2")}
    assert set(result.embeddings) == {"S1", "S2"}
    for vector in result.embeddings.values():
        assert vector.shape == (192,)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_speakers_is_as_asked(diarized: Ask, count: int) -> None:
    result = diarized(DiarizeOptions(num_speakers=count))
    assert speakers(result) == {f"S{index + 1}" for index in range(count)}
    assert set(result.embeddings) == speakers(result)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (DiarizeOptions(min_speakers=3), 3),
        (DiarizeOptions(min_speakers=1, max_speakers=2), 2),
    ],
)
def test_bounds_on_the_number_of_speakers_hold(diarized: Ask, options: DiarizeOptions, count: int) -> None:
    assert len(speakers(diarized(options))) == count


def test_a_second_run_gives_the_same_and_reports_progress(engine: DiarizerEngine, diarized: Ask) -> None:
    seen: list[float] = []
    once, again = diarized(DiarizeOptions()), engine.diarize(sample_audio(), DiarizeOptions(), seen.append)
    assert again.turns == once.turns
    assert again.exclusive_turns == once.exclusive_turns
    assert all(np.array_equal(again.embeddings[who], vector) for who, vector in once.embeddings.items())
    assert seen == sorted(seen)
    assert seen[0] < 0.5
    assert seen[-1] == 1.0


def test_voices_are_recognised_across_two_halves(engine: DiarizerEngine) -> None:
    audio = sample_audio()
    # Both speak in both: the first words of the recording are at 6.7 s.
    middle_s = 18.0
    middle = int(middle_s * SAMPLE_RATE_HZ)
    first = by_true_name(engine.diarize(audio[:middle], DiarizeOptions(num_speakers=2)), 0.0)
    second = by_true_name(engine.diarize(audio[middle:], DiarizeOptions(num_speakers=2)), middle_s)
    assert set(first) == set(second)
    (one, other) = first
    same = min(float(first[who] @ second[who]) for who in first)
    different = max(float(first[one] @ second[other]), float(first[other] @ second[one]))
    assert same > different


def by_true_name(result: Diarized, offset_s: float) -> dict[str, NDArray[np.float32]]:
    """Vectors by the reference's name of whom the speaker overlaps most."""

    def shared_s(turn: EngineTurn, true: EngineTurn) -> float:
        start_s, end_s = turn.start_s + offset_s, turn.end_s + offset_s
        return max(0.0, min(end_s, true.end_s) - max(start_s, true.start_s))

    named: dict[str, NDArray[np.float32]] = {}
    for speaker, vector in result.embeddings.items():
        shared: dict[str, float] = {}
        for true in reference_turns():
            own = (shared_s(turn, true) for turn in result.turns if turn.speaker == speaker)
            shared[true.speaker] = shared.get(true.speaker, 0.0) + sum(own)
        named[max(shared, key=lambda name: shared[name])] = vector
    return named


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 25.0])
def test_silence_has_no_turns(engine: DiarizerEngine, seconds: float) -> None:
    result = engine.diarize(np.zeros(int(seconds * SAMPLE_RATE_HZ), np.float32), DiarizeOptions(num_speakers=2))
    assert result == Diarized([], [], {})


def test_two_speakers_are_told_apart_in_six_seconds(engine: DiarizerEngine) -> None:
    start_s, length_s = 19, 6
    cut = sample_audio()[start_s * SAMPLE_RATE_HZ : (start_s + length_s) * SAMPLE_RATE_HZ]
    shifted = (EngineTurn(t.start_s - start_s, t.end_s - start_s, t.speaker) for t in reference_turns())
    result = engine.diarize(cut, DiarizeOptions())
    assert len(speakers(result)) == 2
    assert error_rate(arithmetic.within(shifted, length_s), result.turns, length_s) <= 0.08


def test_a_short_cry_has_one_speaker_at_most(engine: DiarizerEngine) -> None:
    start = int(8.0 * SAMPLE_RATE_HZ)
    result = engine.diarize(sample_audio()[start : start + int(0.8 * SAMPLE_RATE_HZ)], DiarizeOptions(num_speakers=4))
    assert len(speakers(result)) <= 1
    assert set(result.embeddings) == speakers(result)
    assert all(0.0 <= turn.start_s < turn.end_s <= 0.8 for turn in result.turns)


def test_telemetry_is_off(engine: DiarizerEngine) -> None:
    from pyannote.audio.telemetry.metrics import is_metrics_enabled

    assert engine.name == "pyannote"
    assert is_metrics_enabled() is False


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "No such file"),
        ("pipeline: {name: no.such.Pipeline}", "ModuleNotFoundError"),
        (
            "pipeline: {name: pyannote.audio.pipelines.VoiceActivityDetection, params: {segmentation: %s}}",
            "not Speaker",
        ),
    ],
)
def test_a_pipeline_that_cannot_be_used_says_why_and_what_to_do(tmp_path: Path, config: str | None, why: str) -> None:
    if config is not None:
        segmentation = weights.pull(SEGMENTATION[0], Settings().weights_dir) / SEGMENTATION[1]
        (tmp_path / "config.yaml").write_text(config.replace("%s", str(segmentation)))
    with pytest.raises(Invalid, match=rf"{why}.*POLYVOX_DIARIZER_PIPELINE") as raised:
        host.load(pipeline=str(tmp_path), device="cpu")
    assert raised.value.code == "diarizer-pipeline"
