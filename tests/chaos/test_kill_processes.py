"""Every process is killed while recordings flow; every recording still completes exactly once."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.client import AsyncClient, Recording
from polyvox.contracts import MediaCompleted, MediaFailed, decode
from polyvox.errors import Transient
from polyvox.ports import TopicPartition
from polyvox.settings import Settings
from tests.support.product import Product

pytestmark = [pytest.mark.models, pytest.mark.chaos, pytest.mark.timeout(900)]

RECORDINGS = 20
VICTIMS = (
    "front",
    "projection",
    "normaliser",
    "transcriber",
    "diarizer",
    "transcriber/child",
    "diarizer/child",
)


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with Product(tmp_path / "data") as product:
        yield product
        product.stop()


@pytest.fixture
def recordings(eval_dir: Path, eval_manifest: list[dict[str, Any]]) -> list[Path]:
    """Short clips, and two conversations so that something is in flight for a while."""
    short = [item for item in eval_manifest if item["set"] == "en_read" and 2 < item["duration_s"] < 8]
    talks = [item for item in eval_manifest if item["set"] == "diar_real" and item["duration_s"] < 60]
    chosen = [*talks[:2], *short[: RECORDINGS - 2]]
    assert len(chosen) == RECORDINGS
    return [eval_dir / item["path"] for item in chosen]


async def test_kill_9_of_every_process_loses_and_doubles_nothing(product: Product, recordings: list[Path]) -> None:
    async with AsyncClient(product.url) as client, asyncio.TaskGroup() as group:
        uploads = [group.create_task(_accepted(client, path, f"chaos-{n}")) for n, path in enumerate(recordings)]
        group.create_task(_havoc(product))
    media_ids = [upload.result() for upload in uploads]
    assert len(set(media_ids)) == RECORDINGS

    # Once more, all at once: the supervisor itself.
    product.kill_all()
    product.start()

    async with AsyncClient(product.url) as client:
        states = await asyncio.gather(*(_final(client, media_id) for media_id in media_ids))
        assert {state.status for state in states} == {"completed"}, [s.document for s in states]
        for media_id in media_ids:
            transcript = await client.transcript(media_id)
            assert {name: stage.status for name, stage in transcript.stages.items()} == {
                "normalise": "done",
                "transcribe": "done",
                "diarize": "done",
            }
    product.stop()
    completed, failed = await _ends(product.data_dir)
    assert {media_id: len(ids) for media_id, ids in completed.items()} == dict.fromkeys(media_ids, 1)
    assert not failed


async def _accepted(client: AsyncClient, path: Path, key: str) -> str:
    """Upload until it is acknowledged, as a careful caller does: with an idempotency key."""
    async with asyncio.timeout(300):
        while True:
            try:
                return await client.upload(path, idempotency_key=key)
            except Transient:
                await asyncio.sleep(0.3)


async def _final(client: AsyncClient, media_id: str) -> Recording:
    return await client.wait(media_id, timeout_s=600)


async def _havoc(product: Product) -> None:
    """Kill each process once, in random order, at random moments."""
    chance = random.Random(20261121)
    for name in chance.sample(VICTIMS, len(VICTIMS)):
        await asyncio.sleep(chance.uniform(0.5, 3.0))
        async with asyncio.timeout(120):
            while not await asyncio.to_thread(product.kill, name):
                await asyncio.sleep(0.05)


async def _ends(data_dir: Path) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Distinct ids of media-completed and media-failed per recording, as a consumer would see them."""
    log = EmbeddedLog(Settings(data_dir=data_dir).log_path)
    ends: list[dict[str, set[str]]] = []
    try:
        for fact in (MediaCompleted, MediaFailed):
            ids: dict[str, set[str]] = defaultdict(set)
            for partition, (first, end) in (await log.bounds(fact.TOPIC)).items():
                for envelope in await _read(log, partition, first, end):
                    ids[envelope.subject].add(envelope.id)
            ends.append(dict(ids))
    finally:
        await log.close()
    return ends[0], ends[1]


async def _read(log: EmbeddedLog, partition: TopicPartition, first: int, end: int) -> list[Any]:
    records = await log.read(partition, offset=first, max_records=end - first) if end > first else []
    return [decode(record.value) for record in records]
