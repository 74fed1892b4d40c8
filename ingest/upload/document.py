"""OpenAPI for what FastAPI never sees: options as fields, bodies that are streamed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ingest.upload.option_schemas import METADATA_VALUE, Schema, agreement, as_fields, option_schemas
from ingest.upload.options import Known
from polyvox.languages import is_english_only

BINARY: Schema = {"type": "string", "format": "binary"}
RECORDINGS = ("application/octet-stream", "audio/*", "video/*")
"""What a body may be called; what it is, its bytes decide."""
_LANE: Schema = {
    "type": "string",
    "enum": ["interactive", "bulk"],
    "default": "interactive",
    "description": "Bulk work waits while there is interactive work.",
}
_NOTHING: Mapping[str, Schema] = {}


def request_document(
    known: Known, *, without: Collection[str] = (), more: Mapping[str, Schema] = _NOTHING, multilingual: bool = False
) -> dict[str, Any]:
    """A form or a raw body with all options but those in ``without``, and ``more``.

    ``known`` is what uploads may ask for; ``multilingual``: without models that know English only.
    """
    fields = {**as_fields(option_schemas(known)), "lane": _LANE, **more}
    fields = {name: field for name, field in fields.items() if name not in without}
    if multilingual and "enum" in fields["model"]:
        models = [model for model in fields["model"]["enum"] if not is_english_only(model)]
        fields["model"] = {**fields["model"], "enum": models}
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": BINARY, **fields},
        "patternProperties": {r"^metadata\..{1,128}$": METADATA_VALUE},
        "additionalProperties": False,
        "allOf": agreement(known, fields),
    }
    filename = {"name": "filename", "in": "query", "schema": {"type": "string"}, "description": "For a raw body."}
    return {
        "parameters": [*(_in_query(name, field) for name, field in fields.items()), filename],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form, "encoding": {"file": {"contentType": ", ".join(RECORDINGS)}}},
                **{name: {"schema": BINARY} for name in RECORDINGS},
            },
        },
    }


def _in_query(name: str, field: Schema) -> Schema:
    described = {"name": name, "in": "query", "allowEmptyValue": True}
    match field["type"]:
        case "object":
            return {"name": name, "in": "query", "content": {"application/json": {"schema": field}}}
        case "array":
            return {**described, "schema": field, "style": "form", "explode": False}
    return {**described, "schema": field}
