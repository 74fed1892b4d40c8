"""The downstream example and its kcat twin, against real Kafka."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from infra.native import Kafka
from infra.native.programs import kcat
from polyvox import topics
from polyvox.adapters.kafka import KafkaLog, of_settings
from polyvox.clock import SystemClock
from polyvox.contracts import Fact, MediaCompleted, MediaDeleted, MediaFailed, SegmentPublished, TranscriptSegment
from polyvox.publish import Publisher
from polyvox.settings import Settings
from tests.support.polling import until

CONSUMER = Path(__file__).resolve().parents[2] / "examples" / "downstream" / "consumer.py"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def published(kafka_server: Kafka) -> AsyncIterator[tuple[str, Publisher, KafkaLog]]:
    """A prefix of its own, and a publisher as the projection has one."""
    prefix = f"down-{uuid4().hex[:8]}-"
    log = KafkaLog(of_settings(Settings(kafka_bootstrap=kafka_server.bootstrap, kafka_prefix=prefix)), client_id="test")
    try:
        await log.ensure_topics(topics.configs())
        yield prefix, Publisher(log, SystemClock(), "/tests"), log
    finally:
        await log.close()


def transcript(media_id: str) -> list[Fact]:
    said = [("Hello?", "Speaker 1"), ("Oh, hello.", "Speaker 2")]
    segments = [
        SegmentPublished(
            media_id=media_id,
            segment=TranscriptSegment(id=n, start=61.0 + n, end=62.0 + n, text=f" {text}"),
            segment_count=2,
            speaker_label=who,
        )
        for n, (text, who) in enumerate(said)
    ]
    done = MediaCompleted(
        media_id=media_id,
        result_key=f"media/{media_id}/result-v1.json",
        duration_s=90.0,
        segment_count=2,
        word_count=3,
        speaker_count=2,
        completed_at=NOW,
    )
    return [*segments, done]


@asynccontextmanager
async def consuming(bootstrap: str, prefix: str) -> AsyncIterator[list[str]]:
    """The example's lines as they come; it ends in good order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(CONSUMER), "--bootstrap", bootstrap, "--prefix", prefix, "--group", f"{prefix}archive"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None
        while raw := await process.stdout.readline():
            lines.append(raw.decode().rstrip())

    reading = asyncio.create_task(read())
    try:
        yield lines
    finally:
        process.send_signal(signal.SIGTERM)
        await reading
        assert process.stderr is not None
        error = (await process.stderr.read()).decode()
        assert await process.wait() == 0, error


TOLD = [fact.TOPIC for fact in (SegmentPublished, MediaCompleted, MediaFailed, MediaDeleted)]


async def all_read(log: KafkaLog) -> bool:
    return not any((await log.lag("archive", TOLD)).values())


async def test_segments_are_printed_as_they_come_and_never_twice(
    kafka_server: Kafka, published: tuple[str, Publisher, KafkaLog]
) -> None:
    prefix, publisher, log = published
    first, second = "recording-1", "recording-2"
    await publisher.publish(*transcript(first))
    async with consuming(kafka_server.bootstrap, prefix) as lines:
        await until(lambda: len(lines) == 3, what="three lines")
        assert sorted(lines) == [
            f"{first} v1 0:01:01 Speaker 1: Hello?",
            f"{first} v1 0:01:02 Speaker 2: Oh, hello.",
            f"{first} v1 completed: 2 segments, 3 words, 2 speakers, 0:01:30",
        ]
        failed = MediaFailed(media_id=second, stage="normalise", code="no-audio", reason="No sound.", failed_at=NOW)
        # The same again, as after a crash of the projection.
        await publisher.publish(*transcript(first), failed)
        await until(lambda: len(lines) == 4, what="the failure")
        assert lines[3] == f"{second} failed: No sound."
        # What came twice may come after it, from another partition.
        await until(lambda: all_read(log), what="the rest to be read")
    await publisher.publish(MediaDeleted(media_id=first, deleted_at=NOW))
    async with consuming(kafka_server.bootstrap, prefix) as lines:
        await until(lambda: bool(lines), what="the deletion")
        assert lines == [f"{first} deleted"]


async def test_kcat_reads_them_with_key_and_headers(
    kafka_server: Kafka, published: tuple[str, Publisher, KafkaLog]
) -> None:
    prefix, publisher, _ = published
    await publisher.publish(*transcript("recording-1"))
    command = [str(kcat()), "-b", kafka_server.bootstrap, "-C", "-t", f"{prefix}transcript-segments"]
    run = await asyncio.to_thread(
        subprocess.run,
        [*command, "-o", "beginning", "-e", "-q", "-f", "%k %h\n%s\n"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    heads, bodies = run.stdout.splitlines()[::2], run.stdout.splitlines()[1::2]
    assert [head.split()[0] for head in heads] == ["recording-1"] * 2
    assert all("traceparent=" in head and "polyvox-tenant=default" in head for head in heads)
    assert [json.loads(body)["data"]["segment"]["text"] for body in bodies] == [" Hello?", " Oh, hello."]
