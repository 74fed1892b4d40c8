"""What the projection costs: recordings a second and CPU for each, with every event on the log beforehand.

    python -m benchmarks.projection [--recordings 200] [--database postgresql://…] [--profile FILE]

The log is embedded and the store a folder unless ``POLYVOX_KAFKA_…`` and ``POLYVOX_S3_…`` say otherwise. Each
recording is a minute of talk in one part: four events, a merge, a result, about a dozen segments, one completion.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from polyvox import bootstrap, keys
from polyvox.contracts import (
    AudioTrack,
    Diarization,
    Fact,
    MediaDiarized,
    MediaReady,
    MediaUploaded,
    PartSpan,
    PartTranscribed,
    PartWords,
    SourceInfo,
    SpeakerEmbedding,
    SpeechRegion,
    Turn,
    Word,
)
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.ids import new_media_id
from polyvox.ports import EventLog, TopicPartition
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from results_api.projection.service import PROJECTION

AUDIO_S = 60.0
TALK = ["So", "we", "look", "at", "what", "it", "costs,", "one", "recording", "after", "the", "other."]
HASH = "a" * 12
START = datetime(2026, 3, 1, tzinfo=UTC)
APPEND = 400


async def measure(settings: Settings, recordings: int, profile: Path | None) -> None:
    async with bootstrap.runtime(settings, member="projection") as runtime:
        assert PROJECTION.prepare is not None
        assert PROJECTION.work is not None
        await PROJECTION.prepare(runtime)
        media_ids = [new_media_id(START + timedelta(seconds=n)) for n in range(recordings)]
        for media_id in media_ids:
            await store_artifacts(runtime, media_id)
        publisher = Publisher(runtime.log, runtime.clock, "/benchmarks")
        told = [fact for media_id in media_ids for fact in facts(media_id)]
        for start in range(0, len(told), APPEND):
            await publisher.publish(*told[start : start + APPEND])

        profiler = cProfile.Profile() if profile else None
        began_s, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        if profiler:
            profiler.enable()
        work = asyncio.create_task(PROJECTION.work(runtime))
        await completed(runtime.log, recordings)
        if profiler and profile:
            profiler.disable()
            profiler.dump_stats(profile)
        took_s, after = time.perf_counter() - began_s, resource.getrusage(resource.RUSAGE_SELF)
        runtime.stopping.set()
        await work
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{recordings} recordings in {took_s:.2f} s: {recordings / took_s:.0f} recordings/s, "
              f"{len(told) / took_s:.0f} events/s")  # fmt: skip
        print(
            f"CPU of the process: {cpu_s / recordings * 1e3:.2f} ms a recording, {cpu_s / len(told) * 1e3:.2f} an event"
        )
        print(f"peak memory: {after.ru_maxrss / 1024:.0f} MiB")


async def completed(log: EventLog, count: int) -> None:
    """Returns when that many completions are on the log."""
    seen: dict[TopicPartition, int] = {}
    while sum(seen.values()) < count:
        await asyncio.sleep(0.05)
        seen = {partition: end - first for partition, (first, end) in (await log.bounds("media-completed")).items()}


def facts(media_id: str) -> list[Fact]:
    return [
        MediaUploaded(
            media_id=media_id, original=StoredObject(key=keys.original(media_id), size_bytes=1000), uploaded_at=START
        ),
        MediaReady(
            media_id=media_id,
            duration_s=AUDIO_S,
            tracks=[AudioTrack(key=keys.audio(media_id), size_bytes=500)],
            peaks_key=keys.peaks(media_id),
            parts=[PartSpan(part=0, start_s=0.0, end_s=AUDIO_S)],
            source=SourceInfo(container="wav", codec="pcm_s16le", sample_rate_hz=16000, channels=1),
        ),
        PartTranscribed(
            media_id=media_id,
            part=0,
            part_count=1,
            words_key=keys.words(media_id, 0, HASH),
            options_hash=HASH,
            engine="null",
            model="null",
            language="en",
            word_count=len(words()),
            audio_s=AUDIO_S,
        ),
        MediaDiarized(
            media_id=media_id,
            diarization_key=keys.diarization(media_id, HASH),
            options_hash=HASH,
            engine="null",
            model="null",
            speaker_count=2,
            audio_s=AUDIO_S,
        ),
    ]


def words() -> list[Word]:
    starts_s = [n * 0.4 for n in range(int(AUDIO_S / 0.4))]
    texts = itertools.cycle(" " + word for word in TALK)
    return [
        Word(start_s=start_s, end_s=start_s + 0.35, text=text, probability=0.9)
        for start_s, text in zip(starts_s, texts, strict=False)
    ]


async def store_artifacts(runtime: Runtime, media_id: str) -> None:
    speech = [SpeechRegion(start_s=0.0, end_s=AUDIO_S)]
    turns = [Turn(start_s=n * 5.0, end_s=n * 5.0 + 5.0, speaker=f"S{n % 2 + 1}") for n in range(int(AUDIO_S / 5))]
    spoken = PartWords(
        media_id=media_id, part=0, start_s=0.0, end_s=AUDIO_S, language="en", words=words(), speech=speech,
        engine="null", model="null",
    )  # fmt: skip
    speakers = Diarization(
        media_id=media_id, duration_s=AUDIO_S, turns=turns, exclusive_turns=turns, speech=speech,
        speakers=[SpeakerEmbedding(speaker=f"S{n + 1}", vector=[0.1] * 192, speech_s=30.0) for n in range(2)],
        engine="null", model="null",
    )  # fmt: skip
    await runtime.store.put(keys.words(media_id, 0, HASH), spoken.model_dump_json().encode())
    await runtime.store.put(keys.diarization(media_id, HASH), speakers.model_dump_json().encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=200)
    parser.add_argument("--database", help="URL of an empty PostgreSQL database; SQLite without it")
    parser.add_argument("--profile", type=Path, help="where to write what cProfile saw of the event loop")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
        database = SecretStr(arguments.database) if arguments.database else None
        settings = Settings(data_dir=Path(folder), database=database, log_level="error")
        asyncio.run(measure(settings, arguments.recordings, arguments.profile))


if __name__ == "__main__":
    main()
