"""The two pipelines that benchmarks/diarization.py compares, each for a process of its own."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn
from diarizer.engines.host import TELEMETRY_OFF, load

STOCK_PARAMETERS = {
    "segmentation": {"min_duration_off": 0.0},
    "clustering": {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799},
}
"""Those of the published speaker-diarization-3.1."""


class Polyvox:
    """What the diarizer runs."""

    def __init__(self, segmentation: str, embedding: str, threads: int) -> None:
        self._engine = load(
            pipeline="builtin",
            segmentation=Path(segmentation),
            embedding=Path(embedding),
            device="cpu",
            threads=threads,
        )

    def diarized(self, samples: Any, num_speakers: int | None = None) -> Diarized:
        return self._engine.diarize(samples, DiarizeOptions(num_speakers=num_speakers))


class Stock:
    """pyannote.audio's SpeakerDiarization, its step, its clustering, given the same weights.

    ``remember``: spare the network the speakers of a window after the first. The turns stay the same to the
    bit; the time is no longer pyannote's.
    """

    def __init__(
        self, segmentation: str, embedding: str, threads: int, *, step: float = 0.1, remember: bool = False
    ) -> None:
        os.environ.update(TELEMETRY_OFF)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from diarizer.engines.device import chosen

            chosen("cpu", threads)
            self._pipeline = _stock(segmentation, embedding, step, remember)

    def diarized(self, samples: Any, num_speakers: int | None = None) -> Diarized:
        """Turns alone: pyannote's own names, no voices."""
        import torch

        file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": 16_000, "uri": "recording"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = self._pipeline(file, num_speakers=num_speakers)
        return Diarized(_turns(output.speaker_diarization), _turns(output.exclusive_speaker_diarization), {})


class Measured:
    """Runs one recording through a pipeline and says what it cost this process."""

    def __init__(self, pipeline: Polyvox | Stock) -> None:
        self._pipeline = pipeline

    def run(self, audio: str, num_speakers: int | None) -> dict[str, Any]:
        """``audio``: 16 kHz mono. Peak memory counts what was there before, the libraries and the samples."""
        samples, _ = soundfile.read(audio, dtype="float32")
        Path("/proc/self/clear_refs").write_text("5")
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        diarized = self._pipeline.diarized(np.ascontiguousarray(samples), num_speakers)
        wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        status = Path("/proc/self/status").read_text().splitlines()
        peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        # A child sends values of its own package and of the standard library's alone.
        found = {"turns": _tuples(diarized.turns), "exclusive_turns": _tuples(diarized.exclusive_turns)}
        return {**found, "wall_s": wall_s, "cpu_s": cpu_s, "peak_mib": peak_kib / 1024}


def build(*, pipeline: str, **settings: Any) -> Measured:
    """``pipeline``: polyvox, stock, stock at another step as ``stock@0.5``, or ``stock-quick``.

    The last one finds what stock finds, sooner: see ``remember``.
    """
    if pipeline == "polyvox":
        return Measured(Polyvox(**settings))
    name, _, step = pipeline.partition("@")
    return Measured(Stock(**settings, step=float(step or 0.1), remember=name == "stock-quick"))


def _tuples(turns: Sequence[EngineTurn]) -> list[tuple[float, float, str]]:
    return [(turn.start_s, turn.end_s, turn.speaker) for turn in turns]


def _turns(annotation: Any) -> list[EngineTurn]:
    found = annotation.itertracks(yield_label=True)
    return [EngineTurn(float(turn.start), float(turn.end), str(name)) for turn, _, name in found]


def _stock(segmentation: str, embedding: str, step: float, remember: bool) -> Any:
    from pyannote.audio import Audio, Inference, Model, Pipeline
    from pyannote.audio.pipelines import SpeakerDiarization
    from pyannote.audio.pipelines.clustering import AgglomerativeClustering
    from pyannote.pipeline.parameter import ParamDict, Uniform

    from benchmarks.stock_embedding import VoiceEmbedding
    from diarizer.engines import campplus

    class WithOurWeights(SpeakerDiarization):
        """Nothing is changed but how the parts are come by: pyannote's own __init__ fetches them from a hub."""

        def __init__(self) -> None:
            Pipeline.__init__(self)
            model = Model.from_pretrained(segmentation)
            assert model is not None
            window_s = model.specifications.duration
            self.legacy = self.training = False
            self.segmentation_model, self.segmentation_step = model, step
            self._segmentation = Inference(
                model, duration=window_s, step=step * window_s, skip_aggregation=True, batch_size=32
            )
            self.segmentation = ParamDict(min_duration_off=Uniform(0.0, 1.0))
            # One at a time is pyannote's default, and the fastest on this processor: see CPU_BATCHES in loading.
            self.embedding_batch_size = 1
            self.embedding_exclude_overlap = True
            self._embedding = VoiceEmbedding(campplus.load(Path(embedding)), remember=remember)
            self._audio = Audio(sample_rate=self._embedding.sample_rate, mono="downmix")
            self.klustering = "AgglomerativeClustering"
            self.clustering = AgglomerativeClustering(metric=self._embedding.metric)
            self._expects_num_speakers = False

        def default_parameters(self) -> Mapping[str, Any]:
            return STOCK_PARAMETERS

    pipeline = WithOurWeights()
    pipeline.instantiate(STOCK_PARAMETERS)
    return pipeline
