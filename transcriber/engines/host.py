"""What lives in the child process: engines, and the decoding of the part's FLAC."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from polyvox.audio import decode_flac
from transcriber.engines.base import TranscribeOptions, TranscriberEngine, Transcription
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.registry import ENGINES, load


class Host:
    """Engines by name, each loaded when it is first asked for."""

    def __init__(self, engines: ModelCache[TranscriberEngine], *, device: str = "cpu") -> None:
        self._engines = engines
        self._device = device

    def transcribe(self, flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
        """Words of a 16 kHz mono FLAC.

        Raises:
            Invalid: no such engine, model or language, or the audio is broken.
        """
        began_s = time.monotonic()
        result = self._engines.get(engine).transcribe(decode_flac(flac), options)
        busy_s = time.monotonic() - began_s - sum(load.took_s for load in result.effort.loads)
        return replace(result, effort=replace(result.effort, busy_s=busy_s, device=self._device))

    def detect_language(self, flac: bytes, engine: str) -> list[tuple[str, float]]:
        """The five most probable languages of a 16 kHz mono FLAC. Raises as ``transcribe``."""
        return self._engines.get(engine).detect_language(decode_flac(flac))


def build(*, weights_dir: str, device: str, threads: int, default_model: str) -> Host:
    """The factory that the child process is given."""

    def load_engine(name: str) -> TranscriberEngine:
        return load(name, weights_dir=Path(weights_dir), device=device, threads=threads, default_model=default_model)

    return Host(ModelCache(load_engine, capacity=len(ENGINES)), device=kind_of(device))


def kind_of(device: str) -> str:
    """cpu or cuda, for a setting: auto takes a GPU where there is one, as the engines do."""
    if device != "auto":
        return device.partition(":")[0]
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
