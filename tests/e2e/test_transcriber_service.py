"""The transcriber service on the embedded log and store, with its real child process and real weights."""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
import soundfile

from polyvox import keys, metrics, topics, weights
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.cli.demo import sample
from polyvox.clock import SystemClock
from polyvox.contracts import (
    AudioSlice,
    Envelope,
    Fact,
    Options,
    PartReady,
    PartTranscribed,
    PartWords,
    StageFailed,
)
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.audio_files import RATE_HZ, read_audio
from tests.support.polling import until
from tests.support.reading import told
from tests.support.recorded_metrics import recording
from transcriber.service import TRANSCRIBER

pytestmark = pytest.mark.models
PART_START_S = 600.0


@dataclass(frozen=True)
class Bench:
    runtime: Runtime

    async def part(self, media_id: str, samples: np.ndarray[Any, np.dtype[np.float32]], **options: Any) -> PartReady:
        """Store ``samples`` as the second part of a recording and announce it."""
        flac = io.BytesIO()
        soundfile.write(flac, samples, RATE_HZ, format="FLAC", subtype="PCM_16")
        body = flac.getvalue()
        await self.runtime.store.put(keys.audio(media_id), body)
        part = PartReady(
            media_id=media_id,
            tenant="acme",
            lane="bulk",
            part=1,
            part_count=2,
            start_s=PART_START_S,
            end_s=PART_START_S + samples.size / RATE_HZ,
            audio=AudioSlice(
                key=keys.audio(media_id),
                header_bytes=_header_bytes(body),
                start_byte=_header_bytes(body),
                end_byte=len(body),
            ),
            options=Options(**options),
        )
        await self.announce(part)
        return part

    async def announce(self, part: PartReady) -> None:
        await Publisher(self.runtime.log, self.runtime.clock, "/tests").publish(part)

    async def outcome(self, kind: type[Fact], media_id: str, *, count: int = 1) -> list[Envelope[Any]]:
        async def found() -> list[Envelope[Any]] | None:
            mine = [event for event in await told(self.runtime.log, kind) if event.data.media_id == media_id]
            return mine if len(mine) >= count else None

        return list(await until(found, deadline_s=120.0, what=f"{kind.TOPIC} of {media_id}"))


def _header_bytes(flac: bytes) -> int:
    """Where the first frame begins: after the last metadata block."""
    at, last = 4, False
    while not last:
        (head,) = struct.unpack_from(">I", flac, at)
        last = bool(head >> 31)
        at += 4 + (head & 0xFFFFFF)
    return at


@asynccontextmanager
async def transcribing(tmp_path: Path) -> AsyncIterator[Bench]:
    settings = Settings(data_dir=tmp_path / "data", retry_base_s=0.01, retry_max_s=0.02)
    weights.pull("whisper-base", settings.weights_dir)
    log, store = EmbeddedLog(settings.log_path), FolderStore(settings.objects_path)
    await log.ensure_topics(topics.configs())
    runtime = Runtime(settings, log, store, SystemClock(), "transcriber-0")
    assert TRANSCRIBER.work is not None
    working = asyncio.ensure_future(TRANSCRIBER.work(runtime))
    try:
        yield Bench(runtime)
    finally:
        runtime.stopping.set()
        await working
        await store.close()
        await log.close()


async def test_a_part_becomes_words_once_however_often_it_is_announced(tmp_path: Path) -> None:
    speech = read_audio(sample())[6 * RATE_HZ : 14 * RATE_HZ]
    with recording() as counters:
        await announced_twice(tmp_path, speech)
    which = {"engine": "whisper", "model": "base"}
    assert counters.count(metrics.ENGINE_AUDIO, stage="transcribe", **which) == 8.0
    assert counters.count(metrics.ENGINE_TOKENS, **which) > 15
    assert counters.count(metrics.ENGINE_WINDOWS, **which) >= 1
    assert counters.values(metrics.BATCH_FILL, engine="whisper")[0] == pytest.approx(8 / 30, abs=0.15)
    (load_s,) = counters.values(metrics.MODEL_LOAD, stage="transcribe", **which)
    busy_s = counters.count(metrics.ENGINE_BUSY, stage="transcribe", **which)
    assert load_s > 0.01 and busy_s > 0.01
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    assert counters.count(metrics.DEVICE_TIME, stage="transcribe", device=device, tenant_class="standard") == busy_s


async def announced_twice(tmp_path: Path, speech: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    async with transcribing(tmp_path) as bench:
        store = bench.runtime.store
        part = await bench.part("recording-1", speech, prompt="A telephone call.")
        (event,) = await bench.outcome(PartTranscribed, "recording-1")
        said: PartTranscribed = event.data
        words = PartWords.model_validate_json(await store.get(said.words_key))
        assert said.words_key == keys.words("recording-1", 1, said.options_hash)
        assert (said.tenant, said.lane, said.part, said.part_count) == ("acme", "bulk", 1, 2)
        assert (said.engine, said.model, said.language) == ("whisper", "base", "en")
        assert said.word_count == len(words.words) > 15
        assert "hello" in words.words[0].text.lower()
        assert words.words[0].start_s == pytest.approx(PART_START_S + 0.68, abs=0.4)
        assert all(part.start_s <= word.start_s <= word.end_s <= part.end_s for word in words.words)
        assert [len(words.languages), words.languages[0].language] == [5, "en"]
        assert all(part.start_s <= region.start_s < region.end_s <= part.end_s for region in words.speech)

        stored = (await store.head(said.words_key)).modified_at
        # Without its audio the part can only be answered from what is stored.
        await store.delete(keys.audio("recording-1"))
        await bench.announce(part)
        first, second = await bench.outcome(PartTranscribed, "recording-1", count=2)
        assert first.id == second.id
        assert (await store.head(said.words_key)).modified_at == stored


async def test_a_silent_part_has_no_words_and_is_done(tmp_path: Path) -> None:
    async with transcribing(tmp_path) as bench:
        await bench.part("recording-2", np.zeros(5 * RATE_HZ, np.float32), language="de")
        (event,) = await bench.outcome(PartTranscribed, "recording-2")
        words = PartWords.model_validate_json(await bench.runtime.store.get(event.data.words_key))
        assert (words.words, words.speech, words.languages) == ([], [], [])


async def test_what_cannot_be_transcribed_fails_with_a_reason(tmp_path: Path) -> None:
    speech = read_audio(sample())[7 * RATE_HZ : 9 * RATE_HZ]
    async with transcribing(tmp_path) as bench:
        await bench.part("recording-3", speech, model="enormous")
        await bench.part("recording-4", speech, language="xx")
        await bench.part("recording-5", speech, engine="abacus")
        for media_id, code in (
            ("recording-3", "unknown-model"),
            ("recording-4", "unknown-language"),
            ("recording-5", "unknown-engine"),
        ):
            (event,) = await bench.outcome(StageFailed, media_id)
            failed: StageFailed = event.data
            assert (failed.stage, failed.part, failed.code, failed.attempts) == ("transcribe", 1, code, 1)
            assert (failed.tenant, failed.lane) == ("acme", "bulk")
            assert failed.reason
