"""The commands that look into a log, with Kafka instead of a folder."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from infra.native import Kafka, Minio, Postgres
from polyvox import dead_letters, topics
from polyvox.clock import SystemClock
from polyvox.errors import Invalid
from polyvox.ports import Record
from polyvox.publish import Publisher
from tests.support.buckets import new_bucket
from tests.support.command import polyvox
from tests.support.logs import open_log
from tests.support.worker_bench import deleted, ids

TOPIC = "media-deleted"


@pytest.fixture(scope="module")
def settings(kafka_server: Kafka) -> dict[str, str]:
    return {"POLYVOX_KAFKA_BOOTSTRAP": kafka_server.bootstrap, "POLYVOX_KAFKA_PREFIX": f"{uuid4().hex[:8]}-"}


@pytest.fixture(scope="module", autouse=True)
def filled(settings: dict[str, str]) -> None:
    """Seven messages for the projection, and one that it gave up."""

    async def fill() -> None:
        log = open_log("kafka://{POLYVOX_KAFKA_BOOTSTRAP}/{POLYVOX_KAFKA_PREFIX}".format_map(settings))
        await log.ensure_topics(topics.configs())
        await Publisher(log, SystemClock(), "/tests").publish(*map(deleted, ids(7)))
        record = Record(TOPIC, 0, 3, "recording-0003", b"{}", (), 0)
        now = datetime.now(UTC)
        await log.append(
            [dead_letters.build("projection", record, Invalid("it was spoilt", code="spoilt"), attempts=1, time=now)]
        )
        await log.close()

    asyncio.run(fill())


def test_topics_counts_what_is_on_kafka_without_a_data_folder(settings: dict[str, str], tmp_path: Path) -> None:
    shown = polyvox("topics", "--lag", cwd=tmp_path, **settings)
    assert (shown.status, shown.err) == (0, "")
    (line,) = (line for line in shown.out.splitlines() if line.startswith(f"{TOPIC} "))
    assert line.split()[1:6] == ["7", "projection", "7,", "webhooks", "7"]


def test_dead_letters_are_listed_and_put_back(settings: dict[str, str], tmp_path: Path) -> None:
    assert "it was spoilt" in polyvox("dlq", "list", cwd=tmp_path, **settings).out
    replayed = polyvox("dlq", "replay", "--stage", "projection", "--yes", cwd=tmp_path, **settings)
    assert replayed.status == 0
    assert "it was spoilt" not in polyvox("dlq", "list", cwd=tmp_path, **settings).out
    shown = polyvox("topics", "--lag", cwd=tmp_path, **settings).out
    (line,) = (line for line in shown.splitlines() if line.startswith(f"{TOPIC} "))
    assert line.split()[1] == "8"


def test_doctor_says_which_servers_answer(
    settings: dict[str, str], minio_server: Minio, postgres_server: Postgres, tmp_path: Path
) -> None:
    servers = settings | {
        "POLYVOX_S3_BUCKET": new_bucket(minio_server),
        "POLYVOX_S3_ENDPOINT": minio_server.endpoint,
        "POLYVOX_S3_ACCESS_KEY": minio_server.access_key,
        "POLYVOX_S3_SECRET_KEY": minio_server.secret_key,
        "POLYVOX_DATABASE": postgres_server.create_database(f"doctor_{uuid4().hex[:8]}"),
    }
    assert _said(servers, tmp_path) == {"Kafka": "ok", "S3": "ok", "PostgreSQL": "ok"}
    wrong = {
        "POLYVOX_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "POLYVOX_S3_BUCKET": "not-there",
        "POLYVOX_DATABASE": "postgresql://nobody:wrong@127.0.0.1:1/none",
    }
    assert _said(servers | wrong, tmp_path) == {"Kafka": "no", "S3": "no", "PostgreSQL": "no"}


def _said(settings: dict[str, str], folder: Path) -> dict[str, str]:
    """What doctor finds of each server."""
    lines = [line.split() for line in polyvox("doctor", cwd=folder, **settings).out.splitlines()]
    return {words[1].rstrip(":"): words[0] for words in lines if words[1] in ("Kafka:", "S3:", "PostgreSQL:")}
