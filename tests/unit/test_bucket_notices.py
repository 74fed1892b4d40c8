"""Bucket notifications in every shape in which they come."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.bucket.found import Found
from ingest.bucket.notices import read_notices
from polyvox.errors import Invalid

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUT_AT = datetime(2026, 2, 28, 12, 0, 1, 500_000, tzinfo=UTC)


def minio(**changes: Any) -> dict[str, Any]:
    """As MinIO's own Kafka target sent it, shortened."""
    told = {
        "key": "in%2FGespr%C3%A4ch+1+%2B.wav",
        "size": 32044,
        "eTag": "5f363e0e58a95f06cbe9bbc662c5dfb6",
        "contentType": "audio/wav",
        "userMetadata": {"X-Amz-Meta-Polyvox-Language": "de", "content-type": "audio/wav"},
        "sequencer": "17B8D5E1A4F0C0AA",
        **changes,
    }
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "eventTime": "2026-02-28T12:00:01.500Z",
        "eventName": "s3:ObjectCreated:Put",
        "s3": {"bucket": {"name": "calls", "arn": "arn:aws:s3:::calls"}, "object": told},
    }
    return {"EventName": "s3:ObjectCreated:Put", "Key": "calls/in/x.wav", "Records": [record]}


def aws(event: str = "ObjectCreated:CompleteMultipartUpload") -> dict[str, Any]:
    """From the AWS documentation, section Event message structure."""
    record = {
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-02-28T12:00:01.500Z",
        "eventName": event,
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"name": "calls", "ownerIdentity": {"principalId": "A"}, "arn": "arn:aws:s3:::calls"},
            "object": {
                "key": "in%2Ft%C3%BCr.wav",
                "size": 20_000_000,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e-3",
                "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
                "sequencer": "0055AED6DCD90281E5",
            },
        },
    }
    return {"Records": [record]}


EVENT_BRIDGE = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "time": "2026-02-28T12:00:01Z",
    "resources": ["arn:aws:s3:::calls"],
    "detail": {
        "version": "0",
        "bucket": {"name": "calls"},
        "object": {
            "key": "in/a+b c.wav",
            "size": 5,
            "etag": "b1946ac92492d2347c6235b4d2611184",
            "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
            "sequencer": "00617F08299329D189",
        },
        "reason": "PutObject",
    },
}


def read(said: Any) -> list[Found]:
    return read_notices(json.dumps(said).encode(), now=NOW)


def test_minio_tells_all_there_is_to_know() -> None:
    (found,) = read(minio())
    assert (found.bucket, found.key, found.size_bytes) == ("calls", "in/Gespräch 1 +.wav", 32044)
    assert (found.etag, found.version, found.told_at) == ("5f363e0e58a95f06cbe9bbc662c5dfb6", None, PUT_AT)
    assert found.metadata == {"polyvox-language": "de"}
    assert found.content_type == "audio/wav"


def test_aws_tells_a_version_and_no_metadata() -> None:
    (found,) = read(aws())
    assert (found.key, found.version) == ("in/tür.wav", "096fKKXTRTtl3on89fVO.nfljtsv6qko")
    assert found.etag.endswith("-3")
    assert found.metadata is None


def test_wrappings_of_aws_are_taken_off() -> None:
    direct = read(aws())
    sns = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(aws())}
    assert read(sns) == direct
    assert read({"Type": "Notification", "Message": json.dumps(sns)}) == direct


def test_the_key_of_event_bridge_is_not_encoded() -> None:
    (found,) = read(EVENT_BRIDGE)
    assert (found.bucket, found.key, found.size_bytes) == ("calls", "in/a+b c.wav", 5)
    assert found.version == "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"


@pytest.mark.parametrize(
    "said",
    [
        aws("ObjectRemoved:Delete"),
        {**EVENT_BRIDGE, "detail-type": "Object Deleted"},
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-02-28T12:00:00Z", "Bucket": "calls"},
        {"Records": []},
    ],
)
def test_what_created_no_object_tells_of_none(said: Any) -> None:
    assert read(said) == []


def test_a_version_called_null_is_none_and_a_missing_time_is_now() -> None:
    said = minio(versionId="null")
    del said["Records"][0]["eventTime"]
    (found,) = read(said)
    assert (found.version, found.told_at) == (None, NOW)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff\x00", "not-json"),
        (b"hello", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"[]", "not-a-notification"),
        (b'{"x": 1}', "not-a-notification"),
        (b'{"Records": [1]}', "not-a-notification"),
        (b'{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}', "not-a-notification"),
        (b'{"Message": "{}"}', "not-a-notification"),
        (b'{"detail-type": "Object Created", "detail": {}}', "not-a-notification"),
        (json.dumps(minio(key="%ff")).encode(), "not-a-notification"),
        (json.dumps(minio(key="")).encode(), "not-a-notification"),
    ],
)
def test_what_is_no_notification_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_notices(body, now=NOW)
    assert caught.value.code == code
