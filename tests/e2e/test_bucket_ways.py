"""Notifications from a queue that speaks SQS and over HTTP, each from real servers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from infra.native import ElasticMQ, Minio, WebhookTarget
from ingest.bucket import service, webhook
from ingest.bucket.queue import Carrier
from polyvox import topics
from polyvox.adapters.sqs import SqsQueue
from polyvox.errors import Transient, Unavailable
from polyvox.http import create_app
from tests.support.buckets import client_of
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.reading import records_of
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.server import serve
from tests.support.watching import World, notification, world

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

TOKEN = "a-long-token"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


@pytest.fixture
def sqs(sqs_server: ElasticMQ) -> Iterator[SQSClient]:
    client = boto3.client(
        "sqs",
        endpoint_url=sqs_server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    yield client
    client.close()


@pytest.fixture
async def queue(sqs: SQSClient, sqs_server: ElasticMQ) -> AsyncIterator[SqsQueue]:
    """Its messages come again 2 s after they were received."""
    named = sqs.create_queue(QueueName=uuid.uuid4().hex, Attributes={"VisibilityTimeout": "2"})
    made = SqsQueue(named["QueueUrl"], endpoint=sqs_server.endpoint, access_key="any", secret_key="any", wait_s=1)
    yield made
    await made.close()


def left(sqs: SQSClient, queue: SqsQueue) -> int:
    """Messages that are in the queue, visible or not."""
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    said = sqs.get_queue_attributes(QueueUrl=str(queue), AttributeNames=names)["Attributes"]
    return sum(int(said[name]) for name in names)


async def test_objects_told_of_by_a_queue_become_recordings(here: World, sqs: SQSClient, queue: SqsQueue) -> None:
    """As S3 itself tells, wrapped by SNS, by EventBridge; what makes no sense goes too."""
    keys = ["in/straight.wav", "in/sns.wav", "in/bridge+ 1.wav"]
    infos = {key: await here.drop(key, key.encode()) for key in keys}
    straight, sns = (notification(key, infos[key]).decode() for key in keys[:2])
    bridge = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": "2026-03-01T00:00:00Z",
        "detail": {
            "bucket": {"name": "calls"},
            "object": {"key": keys[2], "size": infos[keys[2]].size_bytes, "etag": infos[keys[2]].etag},
        },
    }
    test = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    wrapped = {"Type": "Notification", "Message": sns}
    for body in ("poison", straight, json.dumps(wrapped), json.dumps(bridge), json.dumps(test), straight):
        sqs.send_message(QueueUrl=str(queue), MessageBody=body)
    runtime = dataclasses.replace(here.runtime(), queues=(queue,))
    working = asyncio.create_task(service.work(runtime))
    await until(lambda: _names(here, keys))
    await until(lambda: left(sqs, queue) == 0)
    await until(here.is_read)
    runtime.stopping.set()
    await working
    assert await here.names() == sorted(keys)


async def test_a_message_stays_in_its_queue_until_the_log_has_it(
    here: World, sqs: SQSClient, queue: SqsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is not given to others meanwhile, however long that takes."""
    monkeypatch.setattr("ingest.bucket.queue.RETRY_S", 0.2)
    runtime, counted, stopping = here.runtime(), RecordedMetrics(), asyncio.Event()
    runtime.log.faults.fail("append", error=Transient("away"))  # type: ignore[attr-defined]
    sqs.send_message(QueueUrl=str(queue), MessageBody="1")
    carrier = Carrier(queue, runtime.log, topics.BUCKET_EVENTS.name, runtime.clock, counted)
    carrying = asyncio.create_task(carrier.run(stopping))
    await asyncio.sleep(4)
    assert left(sqs, queue) == 1
    assert await queue.receive() == [], "it would have come again after 2 s"
    runtime.log.faults.heal()  # type: ignore[attr-defined]
    await until(lambda: left(sqs, queue) == 0)
    stopping.set()
    await carrying
    assert [record.value for record in await records_of(here.inner_log, topics.BUCKET_EVENTS.name)] == [b"1"]


async def test_a_queue_that_is_not_there_is_said_to_be_unavailable(sqs_server: ElasticMQ) -> None:
    queue = SqsQueue(
        f"{sqs_server.endpoint}/000000000000/none", endpoint=sqs_server.endpoint, access_key="a", secret_key="b"
    )
    with pytest.raises(Unavailable, match="none"):
        await queue.receive()
    await queue.close()


async def test_the_webhook_answers_when_the_log_has_the_notification(here: World) -> None:
    info = await here.drop("in/a.wav")
    runtime = here.runtime(bucket_events_token=TOKEN)
    asked = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serve(create_app([webhook.router(runtime)], title="Test")) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        body = notification("in/a.wav", info)
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            refused = await client.post("/v1/bucket-events", content=body, headers=headers)
            assert refused.status_code == 401
        runtime.log.faults.fail("append")  # type: ignore[attr-defined]
        assert (await client.post("/v1/bucket-events", content=body, headers=asked)).status_code == 503
        runtime.log.faults.heal()  # type: ignore[attr-defined]
        nonsense = await client.post("/v1/bucket-events", content=b"{}", headers=asked)
        assert (nonsense.status_code, nonsense.json()["code"]) == (400, "not-a-notification")
        huge = await client.post("/v1/bucket-events", content=b" " * 2_000_000, headers=asked)
        assert huge.status_code == 413
        assert await records_of(here.inner_log, topics.BUCKET_EVENTS.name) == []
        taken = await client.post("/v1/bucket-events", content=body, headers=asked)
        assert (taken.status_code, taken.json()) == (200, {"objects": 1})
        gone = notification("in/a.wav", info, event="s3:ObjectRemoved:Delete")
        assert (await client.post("/v1/bucket-events", content=gone, headers=asked)).json() == {"objects": 0}
    assert [record.value for record in await records_of(here.inner_log, topics.BUCKET_EVENTS.name)] == [body]


async def test_without_a_token_there_is_no_webhook(here: World) -> None:
    async with (
        serve(create_app([webhook.router(here.runtime())], title="Test")) as url,
        httpx.AsyncClient(base_url=url) as client,
    ):
        assert (await client.post("/v1/bucket-events", content=b"{}")).status_code == 404


async def test_minio_tells_the_webhook_until_it_listens(here: World, tmp_path: Path) -> None:
    """What is put while nobody listens is told when somebody does."""
    port = free_port()
    target = WebhookTarget(f"http://127.0.0.1:{port}/v1/bucket-events", TOKEN)
    with Minio(tmp_path / "minio", webhook=target) as minio:
        client = client_of(minio)
        client.create_bucket(Bucket="calls")
        queue: Any = {"QueueArn": Minio.WEBHOOK_ARN, "Events": ["s3:ObjectCreated:*"]}
        runtime = here.runtime(bucket_events_token=TOKEN)
        app = create_app([webhook.router(runtime)], title="Test")
        async with serve(app, port=port):
            await asyncio.to_thread(
                client.put_bucket_notification_configuration,
                Bucket="calls",
                NotificationConfiguration={"QueueConfigurations": [queue]},
            )
            await asyncio.to_thread(client.put_object, Bucket="calls", Key="in/first.wav", Body=b"1")
            await until(lambda: _told(here, 1))
        await asyncio.to_thread(client.put_object, Bucket="calls", Key="in/second.wav", Body=b"2")
        async with serve(create_app([webhook.router(runtime)], title="Test"), port=port):
            told = await until(lambda: _told(here, 2), deadline_s=60.0)
        client.close()
    assert sorted(record.key for record in told) == ["calls/in/first.wav", "calls/in/second.wav"]


async def _told(here: World, count: int) -> Any:
    records = await records_of(here.inner_log, topics.BUCKET_EVENTS.name)
    return records if len(records) >= count else None


async def _names(here: World, keys: list[str]) -> bool:
    return await here.names() == sorted(keys)
