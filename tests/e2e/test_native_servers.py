"""Each real server speaks its protocol, keeps its data over kill and start, and leaves no process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import boto3
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from botocore.config import Config

from infra.native import Kafka, Minio, Postgres, SeaweedFS


def _s3(server: Minio | SeaweedFS) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


async def _create_topic(kafka: Kafka, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=len(kafka.nodes))])
    finally:
        await admin.close()


async def _produce(kafka: Kafka, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)


async def _consume(kafka: Kafka, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", group_id=f"{topic}-readers"
    ) as consumer:
        return [(await consumer.getone()).value or b"" for _ in range(count)]


async def test_kafka_keeps_what_it_acknowledged_over_a_kill(tmp_path: Path) -> None:
    with Kafka(tmp_path) as kafka:
        await _create_topic(kafka, "words")
        await _produce(kafka, "words", b"first")
        before = kafka.bootstrap
        kafka.kill()
        kafka.start()
        assert kafka.bootstrap == before
        await _produce(kafka, "words", b"second")
        assert await _consume(kafka, "words", 2) == [b"first", b"second"]


@pytest.mark.parametrize("kind", [Minio, SeaweedFS])
def test_an_object_store_keeps_objects_over_a_kill(kind: type[Minio | SeaweedFS], tmp_path: Path) -> None:
    with kind(tmp_path) as server:
        client = _s3(server)
        client.create_bucket(Bucket="media")
        client.put_object(Bucket="media", Key="a/b ü.wav", Body=b"sound")
        server.kill()
        server.start()
        assert client.get_object(Bucket="media", Key="a/b ü.wav")["Body"].read() == b"sound"


async def test_postgres_keeps_rows_over_a_kill(tmp_path: Path) -> None:
    with Postgres(tmp_path) as postgres:
        url = postgres.create_database("results")
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE words (word text)")
        await connection.execute("INSERT INTO words VALUES ('hello')")
        postgres.kill()
        postgres.start()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("SELECT word FROM words") == "hello"
        await connection.close()
