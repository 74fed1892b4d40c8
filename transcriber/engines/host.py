"""What lives in the child process: engines, and the decoding of the part's FLAC."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polyvox.audio import decode_flac
from polyvox.errors import Invalid, PolyvoxError
from polyvox.weights.own import OwnModels
from transcriber.engines.base import BatchedEngine, Load, TranscribeOptions, TranscriberEngine, Transcription
from transcriber.engines.model_cache import ModelCache
from transcriber.engines.registry import ENGINES, load
from transcriber.stretches import cut, joined

Request = tuple[bytes, str, TranscribeOptions]
"""FLAC of a part, engine, options."""

NO_MODELS: Mapping[str, str] = {}


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
        result = _transcribed(self._engines.get(engine), decode_flac(flac), options)
        busy_s = time.monotonic() - began_s - sum(load.took_s for load in result.effort.loads)
        return replace(result, effort=replace(result.effort, busy_s=busy_s, device=self._device))

    def transcribe_many(self, requests: Sequence[Request]) -> list[Transcription | PolyvoxError]:
        """As ``transcribe`` for each; what is wrong with one stands in its place."""
        answers: dict[int, Transcription | PolyvoxError] = {}
        together: dict[str, list[int]] = {}
        for index, (flac, name, options) in enumerate(requests):
            try:
                if len(requests) > 1 and not options.stretches and isinstance(self._engines.get(name), BatchedEngine):
                    together.setdefault(name, []).append(index)
                else:
                    answers[index] = self.transcribe(flac, name, options)
            except Invalid as error:
                answers[index] = error
        for name, indices in together.items():
            answers.update(self._batched(name, {index: requests[index] for index in indices}))
        return [answers[index] for index in range(len(requests))]

    def _batched(self, name: str, requests: dict[int, Request]) -> dict[int, Transcription | PolyvoxError]:
        engine = self._engines.get(name)
        assert isinstance(engine, BatchedEngine)
        answers: dict[int, Transcription | PolyvoxError] = {}
        items = {}
        began_s = time.monotonic()
        for index, (flac, _, options) in requests.items():
            try:
                items[index] = (decode_flac(flac), options)
            except Invalid as error:
                answers[index] = error
        found = dict(zip(items, engine.transcribe_many(list(items.values())), strict=True))
        loads = [load for one in found.values() if isinstance(one, Transcription) for load in one.effort.loads]
        busy_s = time.monotonic() - began_s - sum(load.took_s for load in loads)
        samples = sum(audio.size for audio, _ in items.values())
        for index, answer in found.items():
            if isinstance(answer, Transcription):
                # What was done for all of them counts for each by its length.
                own_s = busy_s * items[index][0].size / max(samples, 1)
                answer = replace(answer, effort=replace(answer.effort, busy_s=own_s, device=self._device))  # noqa: PLW2901
            answers[index] = answer
        return answers

    def warm(self, engine: str, model: str) -> tuple[Load, ...]:
        """Load a model and let it listen to silence; gives what that took. Raises Invalid: its weights are not here."""
        return self._engines.get(engine).warm(model)

    def detect_language(self, flac: bytes, engine: str) -> list[tuple[str, float]]:
        """The five most probable languages of a 16 kHz mono FLAC. Raises as ``transcribe``."""
        return self._engines.get(engine).detect_language(decode_flac(flac))


def _transcribed(engine: TranscriberEngine, audio: NDArray[np.float32], options: TranscribeOptions) -> Transcription:
    if not options.stretches:
        return engine.transcribe(audio, options)
    whole = replace(options, stretches=())
    return joined(options.stretches, [engine.transcribe(piece, whole) for piece in cut(audio, options.stretches)])


def build(
    *,
    weights_dir: str,
    device: str,
    threads: int,
    default_model: str,
    own_models: Mapping[str, str] = NO_MODELS,
    beams: int = 0,
    memory_bytes: int | None = None,
) -> Host:
    """The factory that the child process is given. ``own_models``: see OwnModels.of."""
    own = OwnModels.of(own_models)

    def load_engine(name: str) -> TranscriberEngine:
        return load(
            name,
            weights_dir=Path(weights_dir),
            device=device,
            threads=threads,
            default_model=default_model,
            own=own,
            beams=beams,
            memory_bytes=memory_bytes,
        )

    return Host(ModelCache(load_engine, capacity=len(ENGINES)), device=kind_of(device))


def kind_of(device: str) -> str:
    """cpu or cuda, for a setting: auto takes a GPU where there is one, as the engines do."""
    if device != "auto":
        return device.partition(":")[0]
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
