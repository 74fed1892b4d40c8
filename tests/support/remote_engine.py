"""The engine openai against an endpoint on this machine, without the child process that cuts for it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyvox.audio import SAMPLE_RATE_HZ, encode_flac
from polyvox.cli.demo import sample
from polyvox.clock import SystemClock
from polyvox.ports import Clock
from polyvox.settings.remote import RemoteModel
from tests.support.audio_files import read_audio
from tests.support.openai_endpoint import KEY, Endpoint, Spoken, endpoint
from tests.support.recorded_metrics import RecordedMetrics
from transcriber.engines.base import TranscribeOptions, Transcription
from transcriber.engines.openai.asking import Asking
from transcriber.engines.openai.asking import Endpoint as Place
from transcriber.engines.openai.cutting import Cut, Cutter
from transcriber.engines.openai.engine import OpenAIEngine
from transcriber.engines.openai.slices import Rule
from transcriber.engines.vad import find_speech

PAUSE_S = 5.0
WORD_S = 0.3


@dataclass(frozen=True)
class Talk:
    """A telephone call and the start of another with a pause between; every ``WORD_S`` of speech is a word."""

    audio: NDArray[np.float32]
    speech: list[tuple[float, float]]
    words: list[Spoken]

    flac: bytes


@functools.cache
def talk() -> Talk:
    call = read_audio(sample())
    noise = np.random.default_rng(7).normal(0.0, 0.0005, round(PAUSE_S * SAMPLE_RATE_HZ)).astype(np.float32)
    audio = np.concatenate([call, noise, call[: 12 * SAMPLE_RATE_HZ] * np.float32(0.7)])
    speech = find_speech(audio)
    words: list[Spoken] = []
    for low_s, high_s in speech:
        count = max(round((high_s - low_s) / WORD_S), 1)
        edges_s = np.linspace(low_s, high_s, count + 1)
        for at in range(count):
            mark = "." if at == count - 1 else ""
            words.append(Spoken(f"w{len(words):03d}{mark}", float(edges_s[at]), float(edges_s[at + 1])))
    return Talk(audio, speech, words, encode_flac(audio))


@dataclass
class Remote:
    engine: OpenAIEngine
    there: Endpoint
    counters: RecordedMetrics

    async def transcribe(self, flac: bytes | None = None, **options: Any) -> Transcription:
        """Of the talk, by default with Whisper's model."""
        return await self.engine.transcribe(
            talk().flac if flac is None else flac, TranscribeOptions(**{"model": "whisper-1", **options})
        )

    @property
    def pieces(self) -> list[tuple[float, float]]:
        """(start, end) in seconds of all that was sent, in order of time."""
        return sorted(piece for got in self.there.got for piece in got.pieces)


@functools.lru_cache(maxsize=32)
def _cut(flac: bytes, rule: Rule) -> Cut:
    return Cutter().cut(flac, rule)


@contextlib.asynccontextmanager
async def remote(
    *,
    clock: Clock | None = None,
    models: dict[str, RemoteModel] | None = None,
    max_bytes: int = 25_000_000,
    key: str = KEY,
    audio: NDArray[np.float32] | None = None,
    parallel: int = 8,
    attempts: int = 5,
    timeout_s: float = 20.0,
    **how: Any,
) -> AsyncIterator[Remote]:
    async with endpoint(talk().audio if audio is None else audio, talk().words, **how) as there:
        clock, counters = clock or SystemClock(), RecordedMetrics()
        place = Place(there.url, key, "whisper-1", parallel=parallel, attempts=attempts, timeout_s=timeout_s)
        asking = Asking(place, clock, counters, chance=lambda: 0.0)

        async def cut(flac: bytes, rule: Rule) -> Cut:
            return _cut(flac, rule)

        try:
            yield Remote(OpenAIEngine(cut, asking, clock, models=models or {}, max_bytes=max_bytes), there, counters)
        finally:
            await asking.close()
