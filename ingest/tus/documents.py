"""OpenAPI for requests and answers that consist of headers and bytes."""

from __future__ import annotations

from typing import Any

from ingest.tus.headers import ALGORITHMS, BODY_TYPE, DIGITS_MAX, VERSION
from ingest.tus.refusals import CHECKSUM_MISMATCH
from ingest.upload.document import BINARY
from polyvox.http import documented

Document = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**DIGITS_MAX - 1}


def _header(name: str, schema: Document, description: str = "", *, required: bool = False) -> Document:
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _answer(description: str, **names: str) -> Document:
    described = {name.replace("_", "-"): {"schema": {"type": kind}} for name, kind in names.items()}
    return {"description": description, "headers": {"Tus-Resumable": {"schema": {"type": "string"}}, **described}}


def problems(*statuses: int) -> Responses:
    """As ``documented``, with the one status that only tus knows."""
    known = documented(*(status for status in statuses if status != CHECKSUM_MISMATCH))
    if CHECKSUM_MISMATCH in statuses:
        known[CHECKSUM_MISMATCH] = {**documented(400)[400], "description": "Checksum Mismatch"}
    return known


RESUMABLE = _header("Tus-Resumable", {"type": "string", "enum": [VERSION]}, required=True)
LENGTH = _header(
    "Upload-Length", {**_COUNT, "minimum": 1}, "Size of the recording, which is not empty; once, with any request."
)
CHECKSUM = _header(
    "Upload-Checksum", {"type": "string"}, f"Of this body: one of {', '.join(ALGORITHMS)}, a space, base64."
)
BODY: Document = {"content": {BODY_TYPE: {"schema": BINARY}}}

CREATION: Document = {
    "parameters": [
        RESUMABLE,
        LENGTH,
        _header("Upload-Defer-Length", {"type": "string", "enum": ["1"]}, "Instead of Upload-Length."),
        _header("Upload-Metadata", {"type": "string"}, "key base64,key base64,…"),
        CHECKSUM,
    ],
    "requestBody": BODY,
}
PATCHING: Document = {
    "parameters": [RESUMABLE, _header("Upload-Offset", _COUNT, required=True), LENGTH, CHECKSUM],
    "requestBody": {"required": True, **BODY},
}
OTHERS: Document = {"parameters": [RESUMABLE]}
CREATED: Responses = {
    201: _answer("Created", Location="string", Upload_Offset="integer", Upload_Expires="string"),
    **problems(400, 408, 412, 413, 415, 429, CHECKSUM_MISMATCH, 503),
}
LOOKED: Responses = {
    200: _answer(
        "How far it is",
        Upload_Offset="integer",
        Upload_Length="integer",
        Upload_Metadata="string",
        Upload_Expires="string",
    ),
    **problems(400, 404, 409, 410, 412, 415, 423, 503),
}
APPENDED: Responses = {
    204: _answer("Stored", Upload_Offset="integer", Upload_Expires="string"),
    **problems(400, 404, 408, 409, 410, 412, 413, 415, 423, CHECKSUM_MISMATCH, 503),
}
REMOVED: Responses = {204: _answer("Removed"), **problems(404, 409, 410, 412, 423, 503)}
