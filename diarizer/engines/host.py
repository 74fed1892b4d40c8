"""What the diarizer's child process runs: it loads an engine and diarizes files."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.base import Comparison, Diarized, DiarizeOptions, DiarizerEngine, Run, Stretch
from diarizer.engines.channels import tell as tell_by_channels
from diarizer.engines.heard import Heard, joined
from diarizer.engines.levels import compare, levels_db
from diarizer.engines.tape import Tape
from polyvox.audio import SAMPLE_RATE_HZ, read_flac

TELEMETRY_OFF = {"PYANNOTE_METRICS_ENABLED": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""pyannote.audio reports its use unless this is set before it is imported."""

BLOCK_SAMPLES = 60 * SAMPLE_RATE_HZ


class Host:
    """Answers the parent. Holds one recording at a time."""

    def __init__(self, engine: DiarizerEngine, *, device: str = "cpu", load_s: float | None = None) -> None:
        self._engine = engine
        self._device = device
        self._load_s = load_s
        self._tape: Tape | None = None

    def hear(self, audio: Path, stretch: int) -> Stretch:
        """Listen to a stretch of a 16 kHz mono FLAC file, with the built-in engine.

        Raises:
            Invalid: the file is not readable 16 kHz mono FLAC.
        """
        from diarizer.engines.listening import READ, STRETCH

        began_s = time.monotonic()
        if self._tape is None or self._tape.path != audio:
            self._tape = Tape(audio)
        samples = self._tape.read(stretch * STRETCH, READ)
        heard: Heard = self._engine.hear(samples, stretch)  # type: ignore[attr-defined]
        return Stretch(heard.packed(), heard.end_s, heard.is_last, time.monotonic() - began_s)

    def tell(self, stretches: list[bytes], options: DiarizeOptions) -> Run:
        """Who speaks when, from all stretches of a recording in order, with the built-in engine."""
        began_s = time.monotonic()
        self._tape = None
        heard = [Heard.unpacked(packed) for packed in stretches]
        diarized = self._engine.tell(heard, options)  # type: ignore[attr-defined]
        return self._run(diarized, heard[-1].end_s, time.monotonic() - began_s)

    def compare(self, channels: list[Path]) -> Comparison:
        """Whether two channels, 16 kHz mono FLAC files, are two ends of a call. Raises Invalid as ``hear``."""
        return compare(channels)

    def tell_channels(self, stretches: list[list[bytes]], channels: list[Path]) -> Run:
        """Who speaks when, from all stretches of each channel in order, with the built-in engine."""
        began_s = time.monotonic()
        self._tape = None
        heard = [joined([Heard.unpacked(packed) for packed in own]) for own in stretches]
        diarized = tell_by_channels(heard, [levels_db(path) for path in channels])
        return self._run(diarized, heard[0].end_s, time.monotonic() - began_s)

    def diarize(self, audio: Path, options: DiarizeOptions, progress: Callable[[float], None] | None = None) -> Run:
        """Diarize a 16 kHz mono FLAC file.

        Raises:
            Invalid: the file is not readable 16 kHz mono FLAC.
        """
        began_s = time.monotonic()
        samples = _read(audio)
        diarized = self._engine.diarize(samples, options, progress)
        return self._run(diarized, len(samples) / SAMPLE_RATE_HZ, time.monotonic() - began_s)

    def _run(self, diarized: Diarized, duration_s: float, busy_s: float) -> Run:
        load_s, self._load_s = self._load_s, None
        return Run(
            diarized,
            duration_s,
            self._engine.name,
            self._engine.model,
            device=self._device,
            busy_s=busy_s,
            load_s=load_s,
        )


def build(**settings: Any) -> Host:
    """The object of the child process; ``settings`` are those of ``load``, errors too."""
    began_s = time.monotonic()
    engine = load(**settings)
    return Host(engine, device=_kind_of(settings.get("device", "auto")), load_s=time.monotonic() - began_s)


def load(
    *,
    pipeline: str,
    segmentation: Path | None = None,
    embedding: Path | None = None,
    hf_token: str | None = None,
    device: str = "auto",
    threads: int = 0,
    memory_bytes: int | None = None,
) -> DiarizerEngine:
    """Load the engine, quietly and with telemetry off.

    Args:
        pipeline: ``builtin``, which needs ``segmentation`` and ``embedding``, or a published
            pipeline: a Hugging Face name or a local folder.
        device: auto, cpu, cuda or cuda:N.
        threads: on the CPU; 0 leaves the choice to torch.
        memory_bytes: what this process may take of a GPU; None is all there is.

    Raises:
        Invalid: there is no such pipeline or device, or too little memory; the text says what to do.
        Transient: the hub does not answer.
    """
    os.environ.update(TELEMETRY_OFF)
    with warnings.catch_warnings():
        # pyannote warns of a missing FFmpeg, which it never gets to use here, and of old checkpoints.
        warnings.simplefilter("ignore")
        from diarizer.engines.device import chosen

        place = chosen(device, threads, memory_bytes)
        if pipeline != "builtin":
            from diarizer.engines import published

            return published.load_published(pipeline, hf_token, place)
        if segmentation is None or embedding is None:
            raise ValueError("the builtin pipeline needs the files of its weights")
        from diarizer.engines import loading

        return loading.load_builtin(segmentation, embedding, place, memory_bytes)


def _kind_of(device: str) -> str:
    """cpu or cuda, for a setting."""
    if device != "auto":
        return device.partition(":")[0]
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _read(path: Path) -> NDArray[np.float32]:
    blocks = list(read_flac(path, block_samples=BLOCK_SAMPLES))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
