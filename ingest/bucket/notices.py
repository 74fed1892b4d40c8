"""Bucket notifications as MinIO, Ceph and AWS send them, however AWS wraps them. Pure.

- the S3 event structure, ``{"Records": [...]}``, straight or within an SNS message:
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html;
  MinIO's has ``contentType`` and ``userMetadata`` as well
- EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from ingest.bucket.found import Found
from polyvox.errors import Invalid

WRAPPINGS_MAX = 3
_META = "x-amz-meta-"


def read_notices(body: bytes | str, *, now: datetime) -> list[Found]:
    """The objects that a notification says were created; [] when it is about something else.

    ``now`` stands in for a time that is missing.

    Raises:
        Invalid: it is no bucket notification.
    """
    return _unwrapped(_json(body), now, WRAPPINGS_MAX)


def _unwrapped(said: Any, now: datetime, wrappings: int) -> list[Found]:
    if not isinstance(said, dict):
        raise _unknown()
    if isinstance(records := said.get("Records"), list):
        return [found for record in records if (found := _of_record(record, now)) is not None]
    if said.get("Event") == "s3:TestEvent":
        return []
    if isinstance(said.get("detail-type"), str) and isinstance(detail := said.get("detail"), dict):
        return _of_event_bridge(said, detail, now)
    if isinstance(inner := said.get("Message"), str) and wrappings:
        return _unwrapped(_json(inner), now, wrappings - 1)
    raise _unknown()


def _of_record(record: Any, now: datetime) -> Found | None:
    if not isinstance(record, dict) or not isinstance(name := record.get("eventName"), str):
        raise _unknown()
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        return None
    try:
        bucket, told = record["s3"]["bucket"]["name"], record["s3"]["object"]
        key = unquote_plus(told["key"], errors="strict")
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise _unknown() from error
    raw = told.get("userMetadata")
    metadata = None if raw is None else _metadata(raw)
    found = _found(bucket, key, told, told.get("eTag"), told.get("versionId"), record.get("eventTime"), now)
    return Found(
        found.bucket,
        found.key,
        found.told_at,
        found.size_bytes,
        found.etag,
        found.version,
        told.get("contentType") if isinstance(told.get("contentType"), str) else None,
        metadata,
    )


def _of_event_bridge(said: Mapping[str, Any], detail: Mapping[str, Any], now: datetime) -> list[Found]:
    if said.get("detail-type") != "Object Created":
        return []
    try:
        bucket, told = detail["bucket"]["name"], detail["object"]
        # Unlike in the S3 structure, the key is as it is.
        return [_found(bucket, told["key"], told, told.get("etag"), told.get("version-id"), said.get("time"), now)]
    except (KeyError, TypeError, AttributeError) as error:
        raise _unknown() from error


def _found(bucket: Any, key: Any, told: Mapping[str, Any], etag: Any, version: Any, time: Any, now: datetime) -> Found:
    if not (isinstance(bucket, str) and bucket and isinstance(key, str) and key):
        raise _unknown()
    size = told.get("size")
    return Found(
        bucket,
        key,
        _time(time) or now,
        size if isinstance(size, int) and size >= 0 else None,
        etag.strip('"') if isinstance(etag, str) else "",
        version if isinstance(version, str) and version not in ("", "null") else None,
    )


def _metadata(raw: Any) -> dict[str, str]:
    """MinIO mixes the user's metadata with headers; the user's has the prefix of its header."""
    if not isinstance(raw, dict):
        return {}
    lower = {str(name).lower(): str(value) for name, value in raw.items()}
    return {name.removeprefix(_META): value for name, value in lower.items() if name.startswith(_META)}


def _time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _json(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the message is not JSON", code="not-json") from error


def _unknown() -> Invalid:
    return Invalid("the message is JSON, but no bucket notification that is known here", code="not-a-notification")
