"""JSON schema of the notifications that ingest/bucket/notices.py reads, but for what SNS wraps up. Pure."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_NAME: Schema = {"type": "string", "minLength": 1}
_CREATED = "^(s3:)?ObjectCreated:"


def _object(**members: Schema) -> Schema:
    """Has all these members, and any others."""
    return {"type": "object", "required": list(members), "properties": members}


_PLACE: dict[str, Schema] = {"bucket": _object(name=_NAME), "object": _object(key=_NAME)}
_RECORD: Schema = {
    "anyOf": [
        _object(eventName={"type": "string", "pattern": _CREATED}, s3=_object(**_PLACE)),
        _object(eventName={"type": "string", "not": {"pattern": _CREATED}}),
    ]
}
_BRIDGED: Schema = {
    "anyOf": [
        _object(**{"detail-type": {"const": "Object Created"}, "detail": _object(**_PLACE)}),
        _object(**{"detail-type": {"type": "string", "not": {"const": "Object Created"}}, "detail": _object()}),
    ],
    "not": {"required": ["Records"]},
}
NOTIFICATION: Schema = {
    "anyOf": [
        _object(Records={"type": "array", "items": _RECORD}),
        _BRIDGED,
        {**_object(Event={"const": "s3:TestEvent"}), "not": {"required": ["Records"]}},
    ]
}
