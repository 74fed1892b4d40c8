"""A bucket on real MinIO that tells real Kafka, and a watcher process on both."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import uuid
import wave
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition as KafkaPartition

from infra.native import Kafka, Minio
from infra.native.minio import KafkaTarget
from polyvox import topics
from polyvox.adapters.kafka import KafkaLog, KafkaOptions
from polyvox.adapters.kafka import of_settings as kafka_options
from polyvox.contracts import MediaUploaded, decode
from polyvox.settings import Settings
from polyvox.supervisor import environment_of
from tests.support.buckets import client_of
from tests.support.reading import records_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

BUCKET = "calls"
PREFIX = "in/"


def sound(number: int) -> bytes:
    """A small recording like no other: 10 ms of 8 kHz that begin with ``number``."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(number.to_bytes(4, "little") + bytes(156))
    return out.getvalue()


@dataclass
class Bulk:
    """``settings`` are those of every process on these servers."""

    settings: Settings
    client: S3Client
    log: KafkaLog
    log_file: Path

    def listen(self, *, on: bool) -> None:
        """Whether MinIO tells Kafka of what is put into the bucket."""
        queue = {
            "QueueArn": Minio.KAFKA_ARN,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": PREFIX}]}},
        }
        configuration: Any = {"QueueConfigurations": [queue]} if on else {}
        self.client.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)

    def drop(self, numbers: Sequence[int], *, threads: int = 4) -> None:
        """Put recordings there as any S3 tool would."""

        def put(number: int) -> None:
            self.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}{number:06d}.wav", Body=sound(number))

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(put, numbers))

    @contextlib.contextmanager
    def watcher(self, member: str = "watcher") -> Iterator[subprocess.Popen[bytes]]:
        """A watcher as a process of its own; ended in order if it still runs at the end."""
        command = [sys.executable, "-m", "polyvox.cli", "run", "bucket-watcher", "--member", member]
        with self.log_file.open("ab") as output:
            process = subprocess.Popen(
                command, env={**os.environ, **environment_of(self.settings)}, stdout=output, stderr=output
            )
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()
            process.wait()

    async def announced(self) -> Counter[str]:
        """How often each recording's event lies on media-uploaded-bulk."""
        return Counter(record.key for record in await records_of(self.log, f"{MediaUploaded.TOPIC}{topics.BULK}"))

    async def announced_count(self) -> int:
        bounds = await self.log.bounds(f"{MediaUploaded.TOPIC}{topics.BULK}")
        return sum(end - first for first, end in bounds.values())

    async def objects(self) -> set[str]:
        """Keys of the objects that recordings were announced for."""
        records = await records_of(self.log, f"{MediaUploaded.TOPIC}{topics.BULK}")
        return {decode(record.value).data.original.key for record in records}

    async def notified_count(self) -> int:
        return sum(end - first for first, end in (await self.log.bounds(topics.BUCKET_EVENTS.name)).values())

    async def lose_notifications(self) -> int:
        """Delete what is on the topic of notifications; returns how many were there."""
        bounds = await self.log.bounds(topics.BUCKET_EVENTS.name)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap)
        await admin.start()
        try:
            name = f"{self.settings.kafka_prefix}{topics.BUCKET_EVENTS.name}"
            ends = {
                KafkaPartition(name, place.partition): RecordsToDelete(before_offset=end)
                for place, (first, end) in bounds.items()
                if end > first
            }
            if ends:
                await admin.delete_records(ends)
        finally:
            await admin.close()
        return sum(end - first for first, end in bounds.values())


@contextlib.asynccontextmanager
async def bulk(folder: Path, kafka: Kafka, **settings: Any) -> AsyncIterator[Bulk]:
    """MinIO with a watched bucket; ``kafka`` may be shared with others."""
    prefix = f"{uuid.uuid4().hex[:8]}-"
    options = KafkaOptions(kafka.bootstrap, prefix=prefix)
    log = KafkaLog(options, client_id="test")
    await log.ensure_topics(topics.configs())
    target = KafkaTarget(kafka.bootstrap, options.full(topics.BUCKET_EVENTS.name))
    try:
        with Minio(folder / "minio", kafka=target) as minio:
            client = client_of(minio)
            for name in (BUCKET, "polyvox"):
                client.create_bucket(Bucket=name)
            watch = {"bucket": BUCKET, "prefix": PREFIX, "tenant": "acme", "sidecar_wait_s": 0.2, "settle_s": 1.0}
            defaults: dict[str, Any] = {
                "data_dir": folder / "data",
                "port": 0,
                "kafka_bootstrap": kafka.bootstrap,
                "kafka_prefix": prefix,
                "s3_bucket": "polyvox",
                "s3_endpoint": minio.endpoint,
                "s3_access_key": minio.access_key,
                "s3_secret_key": minio.secret_key,
                "watches": json.dumps([watch]),
                "sweep_every_s": 2.0,
                "sweep_at_most_s": 4.0,
                "tenant_backlog_max_recordings": 1_000_000,
                "tenant_backlog_max_audio_s": 1e9,
            }
            made = Settings(**{**defaults, **settings})
            assert kafka_options(made) == options
            try:
                yield Bulk(made, client, log, folder / "watcher.log")
            finally:
                client.close()
    finally:
        await log.close()
