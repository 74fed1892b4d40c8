"""The diarizer as a service: real log, real store, real model in its child process."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diarizer.artifact import options_hash
from diarizer.engines.base import DiarizeOptions
from diarizer.service import DIARIZER
from polyvox import bootstrap, keys
from polyvox.contracts import (
    AudioTrack,
    Diarization,
    DiarizationProgressed,
    Envelope,
    Fact,
    MediaDiarized,
    MediaReady,
    Options,
    StageFailed,
)
from polyvox.contracts.media_ready import SourceInfo
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.conversations import conversation
from tests.support.diarized_sample import SAMPLE_RATE_HZ, sample_audio, write_flac
from tests.support.reading import told

DEADLINE_S = 240.0


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    """A runtime whose diarizer is at work."""
    async with bootstrap.runtime(Settings(data_dir=tmp_path / "data"), member="diarizer-test") as runtime:
        assert DIARIZER.work is not None
        work = asyncio.create_task(DIARIZER.work(runtime))  # type: ignore[arg-type]
        yield runtime
        runtime.stopping.set()
        await work


async def announce(runtime: Runtime, media_id: str, **options: object) -> None:
    """Say that the audio of a recording is ready."""
    ready = MediaReady(
        media_id=media_id,
        duration_s=30.0,
        tracks=[AudioTrack(key=keys.audio(media_id), size_bytes=1)],
        peaks_key=keys.peaks(media_id),
        parts=[],
        source=SourceInfo(container="wav", codec="pcm_s16le", sample_rate_hz=16_000, channels=1),
        options=Options.model_validate(options),
    )
    await Publisher(runtime.log, runtime.clock, "/tests").publish(ready)


async def events(runtime: Runtime, fact: type[Fact], count: int) -> list[Envelope[Fact]]:
    """The first ``count`` events of a kind, once they are there."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = await told(runtime.log, fact)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def until_no_lag(runtime: Runtime) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while any((await runtime.log.lag("diarizer", [MediaReady.TOPIC])).values()):
            await asyncio.sleep(0.05)


@pytest.mark.models
async def test_a_recording_is_diarized_once_however_often_it_is_announced(runtime: Runtime, tmp_path: Path) -> None:
    flac = write_flac(tmp_path / "sample.flac", sample_audio())
    await runtime.store.put(keys.audio("recording-1"), flac.read_bytes())
    await announce(runtime, "recording-1")
    (first,) = await events(runtime, MediaDiarized, 1)
    stored = await runtime.store.head(first.data.diarization_key)

    await announce(runtime, "recording-1")
    again = (await events(runtime, MediaDiarized, 2))[1]
    assert again.id == first.id
    assert again.data.processing_s == 0.0 < first.data.processing_s
    assert (await runtime.store.head(first.data.diarization_key)).modified_at == stored.modified_at

    diarization = Diarization.model_validate_json(await runtime.store.get(first.data.diarization_key))
    assert diarization.duration_s == first.data.audio_s == pytest.approx(30.0)
    assert [speaker.speaker for speaker in diarization.speakers] == ["S1", "S2"]
    assert first.data.speaker_count == 2
    assert all(len(speaker.vector) == 192 and speaker.speech_s > 5.0 for speaker in diarization.speakers)
    assert diarization.turns and diarization.exclusive_turns and diarization.overlaps
    assert diarization.speech[0].start_s == diarization.turns[0].start_s
    await until_no_lag(runtime)
    counted = process_metrics().render().decode()
    assert re.search(r'polyvox_engine_audio_seconds_total{.*stage="diarize"} 30\.0', counted)
    assert re.search(r'polyvox_model_load_seconds_count{.*stage="diarize"} 1\.0', counted)
    assert re.search(r'polyvox_device_seconds_total{.*stage="diarize",tenant_class="standard"} \d', counted)


@pytest.mark.models
async def test_a_long_recording_is_gone_on_with_where_somebody_else_stopped(runtime: Runtime, tmp_path: Path) -> None:
    first = conversation(600 / 3600, 3)
    hash_ = options_hash(DiarizeOptions(), runtime.settings.diarizer_pipeline)
    await runtime.store.put(keys.heard("recording-4", hash_, 0), replace(first, end_s=600.0, is_last=False).packed())
    await runtime.store.put(keys.heard("recording-4", hash_, 1), b"PK\x03\x04, and torn off")
    # What was heard in the first ten minutes is not in the audio: whoever listened again would find nobody.
    flac = write_flac(tmp_path / "silence.flac", np.zeros(650 * SAMPLE_RATE_HZ, np.float32))
    await runtime.store.put(keys.audio("recording-4"), flac.read_bytes())
    await announce(runtime, "recording-4")
    (diarized,) = await events(runtime, MediaDiarized, 1)
    assert diarized.data.speaker_count == 3
    assert diarized.data.audio_s == pytest.approx(650.0)
    (progress,) = await events(runtime, DiarizationProgressed, 1)
    assert progress.data.heard_s == pytest.approx(650.0)
    left = [item.key async for item in runtime.store.list(keys.media_prefix("recording-4"))]
    assert left == [keys.audio("recording-4"), diarized.data.diarization_key]


@pytest.mark.models
async def test_audio_that_is_no_flac_fails_this_stage_alone(runtime: Runtime) -> None:
    await runtime.store.put(keys.audio("recording-2"), b"RIFF, or so they say" * 100)
    await announce(runtime, "recording-2")
    (failed,) = await events(runtime, StageFailed, 1)
    assert (failed.data.stage, failed.data.code, failed.data.attempts) == ("diarize", "bad-flac", 1)
    await until_no_lag(runtime)


async def test_nothing_is_done_where_speakers_are_not_wanted(runtime: Runtime) -> None:
    await announce(runtime, "recording-3", diarize=False)
    await until_no_lag(runtime)
    assert await events(runtime, MediaDiarized, 0) == []
    assert await events(runtime, StageFailed, 0) == []


def test_the_process_that_holds_the_log_never_imports_a_model_library() -> None:
    script = "import sys, diarizer.service; print(sorted({'torch', 'pyannote', 'scipy', 'av'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
