"""The normaliser on the embedded log and store, with its real child process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest import normaliser
from polyvox import dead_letters, keys, topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.audio import decode_flac, fetch_slice
from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, Fact, MediaReady, MediaUploaded, Options, PartReady, StageFailed
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.media import Sound, mux, noise, silence, tone, wav
from tests.support.polling import until
from tests.support.reading import told

UPLOADED_AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Bench:
    runtime: Runtime

    async def upload(self, media_id: str, body: bytes, **options: Any) -> MediaUploaded:
        key = keys.original(media_id)
        info = await self.runtime.store.put(key, body)
        fact = MediaUploaded(
            media_id=media_id,
            tenant="acme",
            lane="bulk",
            original=StoredObject(key=key, size_bytes=info.size_bytes),
            options=Options(**options),
            uploaded_at=UPLOADED_AT,
        )
        await self.announce(fact)
        return fact

    async def announce(self, fact: MediaUploaded) -> None:
        await Publisher(self.runtime.log, self.runtime.clock, "/tests").publish(fact)

    async def events(self, fact: type[Fact]) -> list[Envelope[Any]]:
        return await told(self.runtime.log, fact)

    async def outcome(self, media_id: str, *, count: int = 1) -> list[Envelope[Any]]:
        """The media-ready or stage-failed events of one recording, once there are ``count``."""

        async def found() -> list[Envelope[Any]] | None:
            events = [*await self.events(MediaReady), *await self.events(StageFailed)]
            mine = [event for event in events if event.data.media_id == media_id]
            return mine if len(mine) >= count else None

        return list(await until(found, deadline_s=60.0, what=f"an outcome of {media_id}"))

    async def no_lag(self) -> bool:
        waiting = await self.runtime.log.lag(normaliser.NAME, topics.laned(MediaUploaded.TOPIC))
        return not any(waiting.values())

    async def parts(self, media_id: str) -> list[PartReady]:
        parts = {e.data.part: e.data for e in await self.events(PartReady) if e.data.media_id == media_id}
        return [parts[number] for number in sorted(parts)]


@asynccontextmanager
async def normalising(tmp_path: Path, **changes: Any) -> AsyncIterator[Bench]:
    settings = Settings(data_dir=tmp_path / "data", retry_base_s=0.01, retry_max_s=0.02, **changes)
    log, store, clock = EmbeddedLog(settings.log_path), FolderStore(settings.objects_path), SystemClock()
    await log.ensure_topics(topics.configs())
    calls = FolderStore(settings.data_dir / "buckets" / "calls")
    runtime = Runtime(settings, log, store, clock, "normaliser-0", bucket=lambda name: {"calls": calls}[name])
    working = asyncio.create_task(_work(runtime))
    try:
        yield Bench(runtime)
    finally:
        runtime.stopping.set()
        await working
        for each in (store, calls, log):
            await each.close()


async def _work(runtime: Runtime) -> None:
    await normaliser.work(runtime)


def scratch_files(runtime: Runtime) -> list[Path]:
    return [path for path in runtime.settings.scratch_path.rglob("*") if path.is_file()]


async def test_a_recording_becomes_flac_peaks_and_parts_that_are_fetched_alone(tmp_path: Path) -> None:
    samples = np.concatenate([noise(9.0), silence(1.0), noise(11.0, seed=2)])
    async with normalising(tmp_path, part_max_s=12.0) as bench:
        await bench.upload("recording-1", wav(samples), language="de", diarize=False)
        ready: MediaReady = (await bench.outcome("recording-1"))[0].data
        parts = await bench.parts("recording-1")
        store = bench.runtime.store
        whole = decode_flac(await store.get(ready.tracks[0].key))
        slices = [decode_flac(await fetch_slice(store, part.audio)) for part in parts]
        info = await store.head(ready.tracks[0].key)
        assert (await store.get(ready.peaks_key)).startswith(b'{"version":2,')
        assert scratch_files(bench.runtime) == []
    assert ready.duration_s == 21.0
    assert ready.tracks[0].size_bytes == info.size_bytes
    assert (ready.tenant, ready.lane, ready.options.language) == ("acme", "bulk", "de")
    assert ready.source.container == "wav"
    assert (ready.lost_s, ready.warnings) == (0.0, [])
    assert np.array_equal(np.concatenate(slices), whole)
    assert np.allclose(whole, samples, atol=1e-4)
    assert len(parts) == len(ready.parts) == 2
    assert 9.0 < parts[0].end_s < 10.0, "the cut lies in the pause"
    assert [(p.start_s, p.end_s) for p in parts] == [(s.start_s, s.end_s) for s in ready.parts]
    assert all((p.part_count, p.tenant, p.lane, p.options.diarize) == (2, "acme", "bulk", False) for p in parts)


async def test_handling_an_event_again_gives_the_same_bytes_and_the_same_ids(tmp_path: Path) -> None:
    recording = mux(
        tmp_path / "in.mkv", [Sound(np.stack([noise(5.0, rate_hz=44_100)] * 2), codec="mp2", rate_hz=44_100)]
    )
    async with normalising(tmp_path) as bench:
        fact = await bench.upload("recording-1", recording.read_bytes())
        first = (await bench.outcome("recording-1"))[0]
        stored = [await bench.runtime.store.get(key) for key in (keys.audio("recording-1"), first.data.peaks_key)]
        await bench.announce(fact)
        again = (await bench.outcome("recording-1", count=2))[1]
        stored_again = [await bench.runtime.store.get(key) for key in (keys.audio("recording-1"), first.data.peaks_key)]
        part_ids = [event.id for event in await bench.events(PartReady)]
    assert stored == stored_again
    assert (first.id, first.data) == (again.id, again.data)
    assert len(part_ids) == 2
    assert len(set(part_ids)) == 1


async def test_a_silent_recording_completes(tmp_path: Path) -> None:
    async with normalising(tmp_path) as bench:
        await bench.upload("recording-1", wav(silence(3.0)))
        ready = (await bench.outcome("recording-1"))[0].data
        (part,) = await bench.parts("recording-1")
        samples = decode_flac(await fetch_slice(bench.runtime.store, part.audio))
    assert isinstance(ready, MediaReady)
    assert samples.shape == (48_000,)
    assert not samples.any()


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"", "empty", "empty"),
        (b"Dear Sir or Madam,\n" * 500, "not-media", "not a recording"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "points-elsewhere", "points at other files"),
    ],
)
async def test_what_is_no_recording_fails_at_once_with_a_reason(
    tmp_path: Path, body: bytes, code: str, says: str
) -> None:
    async with normalising(tmp_path) as bench:
        await bench.upload("recording-1", body)
        failed = (await bench.outcome("recording-1"))[0].data
        assert scratch_files(bench.runtime) == []
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.code, failed.attempts, failed.tenant) == ("normalise", code, 1, "acme")
    assert says in failed.reason


async def test_a_video_without_sound_and_one_that_is_too_long_say_so(tmp_path: Path) -> None:
    mute = mux(tmp_path / "mute.mkv", [], picture_s=1.0)
    async with normalising(tmp_path, max_duration_s=2.0) as bench:
        await bench.upload("recording-1", mute.read_bytes())
        await bench.upload("recording-2", wav(tone(4.0)))
        no_sound = (await bench.outcome("recording-1"))[0].data
        too_long = (await bench.outcome("recording-2"))[0].data
    assert (no_sound.code, too_long.code) == ("no-audio", "too-long")
    assert "video without a sound track" in no_sound.reason


async def test_a_decoder_that_runs_out_of_memory_fails_the_recording_not_the_worker(tmp_path: Path) -> None:
    async with normalising(tmp_path, decode_memory_bytes=64 * 1024 * 1024) as bench:
        # Each track wants a decoder and a resampler of its own: what was made before the fork is not enough for all.
        many = mux(tmp_path / "many.mkv", [Sound(tone(2.0)) for _ in range(24)])
        await bench.upload("recording-1", many.read_bytes())
        failed = (await bench.outcome("recording-1"))[0].data
        assert scratch_files(bench.runtime) == []
    assert isinstance(failed, StageFailed)
    assert failed.attempts == 2


async def test_a_recording_deleted_while_it_waits_leaves_nothing_behind(tmp_path: Path) -> None:
    async with normalising(tmp_path) as bench:
        fact = await bench.upload("recording-1", wav(tone(1.0)))
        await bench.outcome("recording-1")
        for key in [info.key async for info in bench.runtime.store.list("media/")]:
            await bench.runtime.store.delete(key)
        await bench.announce(fact)
        await until(bench.no_lag, what="the event of the deleted recording to be handled")
        outcomes = await bench.outcome("recording-1")
        left = [info.key async for info in bench.runtime.store.list("media/")]
        letters = [letter async for letter in dead_letters.letters(bench.runtime.log, normaliser.NAME)]
    assert [type(event.data) for event in outcomes] == [MediaReady]
    assert (left, letters) == ([], [])


async def test_a_stop_in_the_middle_leaves_no_file_and_the_next_start_finishes(tmp_path: Path) -> None:
    async with normalising(tmp_path, drain_timeout_s=0.0) as bench:
        await bench.upload("recording-1", wav(noise(620.0)))
        await until(lambda: scratch_files(bench.runtime), what="the decoder at work")
    assert scratch_files(bench.runtime) == []
    async with normalising(tmp_path) as bench:
        ready = (await bench.outcome("recording-1"))[0].data
    assert isinstance(ready, MediaReady)
    assert (ready.duration_s, len(ready.parts)) == (620.0, 2)


async def test_what_a_killed_process_left_is_removed_at_the_start(tmp_path: Path) -> None:
    left = tmp_path / "data" / "scratch" / "normaliser-normaliser-0" / "recording-0-x" / "audio.flac"
    other = tmp_path / "data" / "scratch" / "another" / "file"
    for path in (left, other):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    async with normalising(tmp_path) as bench:
        await bench.upload("recording-1", wav(tone(1.0)))
        await bench.outcome("recording-1")
    assert not left.exists()
    assert other.exists()


async def test_a_deadline_for_decoding_holds(tmp_path: Path) -> None:
    async with normalising(tmp_path, decode_timeout_s=0.05) as bench:
        await bench.upload("recording-1", wav(noise(600.0)))
        failed = (await bench.outcome("recording-1"))[0].data
    assert (failed.code, failed.attempts) == ("decode-too-slow", 1)
