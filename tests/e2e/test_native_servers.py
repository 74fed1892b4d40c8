"""Each real server speaks its protocol and keeps its data over kill and start, on the same ports."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import asyncpg
import boto3
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from botocore.config import Config

from infra.native import Kafka, KafkaTarget, Minio, Postgres, Prometheus, SeaweedFS, Toxiproxy
from tests.support.polling import until


def _s3(server: Minio | SeaweedFS, *, address: str | None = None) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://{address}" if address else server.endpoint,
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


async def _produce(bootstrap: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def _consume(bootstrap: str, topic: str, count: int) -> list[Any]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=f"{topic}-readers"
    ) as consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_kafka_keeps_what_it_acknowledged_over_a_kill(tmp_path: Path) -> None:
    with Kafka(tmp_path) as kafka:
        await _create_topic(kafka, "words")
        await _produce(kafka.bootstrap, "words", b"first")
        before = kafka.bootstrap
        kafka.kill()
        assert not kafka.running
        kafka.start()
        assert kafka.bootstrap == before
        await _produce(kafka.bootstrap, "words", b"second")
        assert await _consume(kafka.bootstrap, "words", 2) == [b"first", b"second"]


async def test_three_nodes_go_on_without_one_of_them(kafka_cluster: Kafka) -> None:
    await _create_topic(kafka_cluster, "survivors")
    await _produce(kafka_cluster.bootstrap, "survivors", b"of three")
    kafka_cluster.kill_node(0)
    try:
        await _produce(kafka_cluster.bootstrap, "survivors", b"of two")
        assert await _consume(kafka_cluster.bootstrap, "survivors", 2) == [b"of three", b"of two"]
    finally:
        kafka_cluster.start_node(0)
    assert len(kafka_cluster.pids) == 3


async def test_kafka_behind_proxies_is_reached_through_them_only(kafka_server: Kafka) -> None:
    await _create_topic(kafka_server, "native-slow")
    [proxy] = kafka_server.proxies
    async with AIOKafkaProducer(bootstrap_servers=kafka_server.proxied_bootstrap) as producer:
        await producer.send_and_wait("native-slow", b"at once")
        proxy.latency(300)
        before_s = time.monotonic()
        await producer.send_and_wait("native-slow", b"late")
        assert time.monotonic() - before_s >= 0.3
        proxy.clear()
    assert await _consume(kafka_server.bootstrap, "native-slow", 2) == [b"at once", b"late"]


@pytest.mark.parametrize("kind", [Minio, SeaweedFS])
def test_an_object_store_keeps_objects_over_a_kill(kind: type[Minio | SeaweedFS], tmp_path: Path) -> None:
    with kind(tmp_path) as server:
        client = _s3(server)
        client.create_bucket(Bucket="media")
        client.put_object(Bucket="media", Key="a/b ü.wav", Body=b"sound")
        server.kill()
        server.start()
        assert client.get_object(Bucket="media", Key="a/b ü.wav")["Body"].read() == b"sound"


@pytest.mark.parametrize("store", ["minio_server", "seaweedfs_server"])
def test_an_object_store_refuses_who_has_no_credentials(store: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(store)
    assert httpx.get(f"{server.endpoint}/").status_code == 403
    assert httpx.put(f"{server.endpoint}/anybodys").status_code == 403


async def test_minio_tells_kafka_what_was_put(kafka_server: Kafka, tmp_path: Path) -> None:
    await _create_topic(kafka_server, "native-bucket-events")
    with Minio(tmp_path, kafka=KafkaTarget(kafka_server.bootstrap, "native-bucket-events")) as server:
        client = _s3(server)
        client.create_bucket(Bucket="inbox")
        client.put_bucket_notification_configuration(
            Bucket="inbox",
            NotificationConfiguration={
                "QueueConfigurations": [{"QueueArn": Minio.KAFKA_ARN, "Events": ["s3:ObjectCreated:*"]}]
            },
        )
        client.put_object(Bucket="inbox", Key="call.wav", Body=b"sound")
        [message] = await _consume(kafka_server.bootstrap, "native-bucket-events", 1)
    assert json.loads(message)["Key"] == "inbox/call.wav"


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


def test_databases_come_and_go(postgres_server: Postgres) -> None:
    url = postgres_server.create_database("short-lived")
    assert postgres_server.create_database("short-lived") == url
    postgres_server.drop_database("short-lived")
    postgres_server.drop_database("short-lived")
    with pytest.raises(RuntimeError, match="syntax error"):
        postgres_server.create_database('bad"name')


async def test_prometheus_answers_queries_about_what_it_scrapes(tmp_path: Path) -> None:
    with Toxiproxy(tmp_path / "target") as target:
        address = f"127.0.0.1:{target.ports['api']}"
        job = {"job_name": "some", "scrape_interval": "1s", "static_configs": [{"targets": [address]}]}
        # JSON is YAML as well.
        with Prometheus(tmp_path / "prometheus", json.dumps({"scrape_configs": [job]})) as prometheus:
            async with httpx.AsyncClient(base_url=prometheus.endpoint) as client:

                async def samples() -> Any:
                    reply = await client.get("/api/v1/query", params={"query": "up"})
                    return reply.json()["data"]["result"]

                [sample] = await until(samples)
    assert sample["metric"] == {"__name__": "up", "job": "some", "instance": address}


async def test_faults_of_a_proxy_show_and_end(minio_server: Minio, toxiproxy: Toxiproxy) -> None:
    proxy = toxiproxy.proxy("store", minio_server.endpoint.removeprefix("http://"))
    live = f"http://{proxy.address}/minio/health/live"
    async with httpx.AsyncClient(timeout=3, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        assert (await client.get(live)).is_success
        proxy.latency(6000)
        with pytest.raises(httpx.ReadTimeout):
            await client.get(live)
        proxy.latency(1)
        assert (await client.get(live)).is_success
        proxy.clear()
        proxy.reset_peer()
        with pytest.raises(httpx.ReadError):
            await client.get(live)
        proxy.clear()
        proxy.down()
        with pytest.raises(httpx.ConnectError):
            await client.get(live)
        toxiproxy.kill()
        await asyncio.to_thread(toxiproxy.start)
        assert (await client.get(live)).is_success
    proxy.remove()
