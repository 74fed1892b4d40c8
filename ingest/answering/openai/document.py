"""OpenAPI for forms that FastAPI never sees: they are streamed. Pure."""

from __future__ import annotations

from typing import Any

from ingest.answering.openai.fields import FORMATS, GRANULARITIES, Task
from ingest.upload.document import BINARY

_TEXT = {"type": "string"}


def form_document(task: Task) -> dict[str, Any]:
    """The form of one of the two audio routes, and its answers."""
    properties: dict[str, Any] = {
        "file": BINARY,
        "model": {**_TEXT, "description": "A name from /v1/models; the server's default one without it."},
        "prompt": _TEXT,
        "response_format": {**_TEXT, "enum": list(FORMATS[task]), "default": "json"},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "diarize": {"type": "boolean", "description": "Ours: names of speakers in srt, vtt and diarized_json."},
    }
    if task == "transcribe":
        properties |= {
            "language": {**_TEXT, "description": "ISO 639-1; found out without it."},
            "timestamp_granularities[]": {"type": "array", "items": {**_TEXT, "enum": list(GRANULARITIES)}},
            "include[]": {"type": "array", "items": {**_TEXT, "enum": ["logprobs"]}},
            "stream": {"type": "boolean", "default": False},
        }
    schema = {"type": "object", "required": ["file"], "properties": properties}
    answer: dict[str, Any] = {
        "description": "The transcript.",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["text"], "properties": {"text": _TEXT}}},
            "text/plain": {"schema": _TEXT},
            "application/x-subrip": {"schema": _TEXT},
            "text/vtt": {"schema": _TEXT},
            "text/event-stream": {"schema": _TEXT},
        },
    }
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}},
        "responses": {"200": answer},
    }
