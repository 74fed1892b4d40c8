"""What the diarizer's child process runs: it loads an engine and diarizes files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diarizer.engines.base import Diarized, DiarizeOptions, DiarizerEngine
from polyvox.audio import read_flac

CHILD_ENV = {"PYANNOTE_METRICS_ENABLED": "0"}
"""pyannote.audio reports its use unless this is set before it is imported."""

BLOCK_SAMPLES = 60 * 16_000


class Host:
    """Answers the parent. Holds one recording at a time."""

    def __init__(self, engine: DiarizerEngine) -> None:
        self._engine = engine

    def about(self) -> tuple[str, str]:
        """Name and model of the engine."""
        return self._engine.name, self._engine.model

    def diarize(
        self, audio: Path, options: DiarizeOptions, progress: Callable[[float], None] | None = None
    ) -> tuple[Diarized, float]:
        """Diarize a 16 kHz mono FLAC file; also its length in seconds.

        Raises:
            Invalid: the file is not readable 16 kHz mono FLAC.
        """
        samples = _read(audio)
        return self._engine.diarize(samples, options, progress), len(samples) / 16_000


def build(
    *,
    pipeline: str,
    segmentation: Path | None = None,
    embedding: Path | None = None,
    hf_token: str | None = None,
    device: str = "auto",
    threads: int = 0,
) -> Host:
    """Load the engine.

    Args:
        pipeline: ``builtin``, which needs ``segmentation`` and ``embedding``, or a published
            pipeline: a Hugging Face name or a local folder.
        device: auto, cpu, cuda or cuda:N.
        threads: on the CPU; 0 takes all cores.

    Raises:
        Invalid: there is no such pipeline or device; the text says what to do.
        Transient: the hub does not answer.
    """
    os.environ.update(CHILD_ENV)
    from diarizer.engines import loading
    from diarizer.engines.device import chosen

    place = chosen(device, threads)
    if pipeline != "builtin":
        return Host(loading.load_published(pipeline, hf_token, place))
    if segmentation is None or embedding is None:
        raise ValueError("the builtin pipeline needs the files of its weights")
    return Host(loading.load_builtin(segmentation, embedding, place))


def _read(path: Path) -> NDArray[np.float32]:
    blocks = list(read_flac(path, block_samples=BLOCK_SAMPLES))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
