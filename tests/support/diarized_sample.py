"""The recording that ships with pyannote.audio: 30 s, two speakers, with a reference."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate

from diarizer.engines.base import EngineTurn

SAMPLE_RATE_HZ = 16_000


def sample_folder() -> Path:
    package = importlib.util.find_spec("pyannote.audio")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "sample"


def sample_audio() -> NDArray[np.float32]:
    samples, rate = soundfile.read(sample_folder() / "sample.wav", dtype="float32")
    assert rate == SAMPLE_RATE_HZ
    return samples  # type: ignore[no-any-return]


def reference_turns() -> list[EngineTurn]:
    fields = (line.split() for line in (sample_folder() / "sample.rttm").read_text().splitlines() if line)
    return [EngineTurn(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields]


def annotation(turns: Iterable[EngineTurn]) -> Annotation:
    found = Annotation()
    for index, turn in enumerate(turns):
        found[Segment(turn.start_s, turn.end_s), index] = turn.speaker
    return found


def error_rate(reference: Iterable[EngineTurn], found: Iterable[EngineTurn], duration_s: float) -> float:
    """Diarization error rate without a collar, overlaps counted."""
    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    everything = Timeline([Segment(0.0, duration_s)])
    return float(metric(annotation(reference), annotation(found), uem=everything))


def write_flac(path: Path, samples: NDArray[np.float32]) -> Path:
    """16 kHz mono 16-bit FLAC, as the pipeline keeps audio."""
    soundfile.write(path, samples, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return path
