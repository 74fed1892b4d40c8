"""OpenAPI for forms that FastAPI never sees: they are streamed. Pure."""

from __future__ import annotations

from typing import Any

from ingest.answering.openai.fields import FORMATS, GRANULARITIES, STREAMED, Task
from ingest.answering.openai.models import models
from ingest.upload.document import BINARY, RECORDINGS
from ingest.upload.option_schemas import Schema, agreement, alike, as_fields, option_schemas
from ingest.upload.options import Known
from polyvox.languages import LANGUAGES, NAMES, is_english_only, of_model

_TEXT = {"type": "string"}
_SPEAKERS = ("num_speakers", "min_speakers", "max_speakers")


def form_document(task: Task, known: Known) -> dict[str, Any]:
    """The form of one of the two audio routes, and its answers. ``known`` is what uploads may ask for."""
    options = as_fields(option_schemas(known))
    properties: dict[str, Schema] = {
        "file": BINARY,
        "model": {
            **_TEXT,
            "enum": [model.id for model in models(known) if task == "transcribe" or not is_english_only(model.id)],
            "description": "A name from /v1/models; the server's default one without it.",
        },
        "prompt": options["prompt"],
        "response_format": {**_TEXT, "enum": list(FORMATS[task]), "default": "json"},
        "temperature": options["temperature"],
        "chunking_strategy": {"description": "Taken and not needed: recordings are always cut where nobody speaks."},
        "diarize": {"type": "boolean", "description": "Ours: names of speakers in srt, vtt and diarized_json."},
        "keep_suspects": {"type": "boolean", "description": "Ours: with the words that look made up."},
        **{name: {**options[name], "description": "Ours."} for name in _SPEAKERS},
    }
    if task == "transcribe":
        properties |= {
            "language": {
                **_TEXT,
                "enum": [*LANGUAGES, *NAMES.values()],
                "description": "ISO 639-1, or its name in English; found out without it.",
            },
            "timestamp_granularities[]": {"type": "array", "items": {**_TEXT, "enum": list(GRANULARITIES)}},
            "include[]": {"type": "array", "items": {**_TEXT, "enum": ["logprobs"]}},
            "stream": {"type": "boolean", "default": False},
        }
    schema: Schema = {
        "type": "object",
        "required": ["file"],
        "properties": properties,
        "additionalProperties": False,
        "allOf": [*agreement(known, _SPEAKERS), *(_rules(known) if task == "transcribe" else ())],
    }
    answer: dict[str, Any] = {
        "description": "The transcript.",
        "content": {
            "application/json": {"schema": {"type": "object", "required": ["text"], "properties": {"text": _TEXT}}},
            "text/plain": {"schema": _TEXT},
            "application/x-subrip": {"schema": _TEXT},
            "text/vtt": {"schema": _TEXT},
            "text/event-stream": {},
        },
    }
    form = {"schema": schema, "encoding": {"file": {"contentType": ", ".join(RECORDINGS)}}}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": form}},
        "responses": {"200": answer},
    }


def _rules(known: Known) -> list[Schema]:
    """What goes together in a transcription."""
    several = {"required": ["timestamp_granularities[]"], "properties": {"timestamp_granularities[]": {"minItems": 1}}}
    verbose = {"required": ["response_format"], "properties": {"response_format": {"const": "verbose_json"}}}
    streamed = {"required": ["stream"], "properties": {"stream": {"const": True}}}
    return [
        {"if": several, "then": verbose},
        {"if": streamed, "then": {"properties": {"response_format": {"enum": list(STREAMED)}}}},
        *(_languages(known, some) for some in alike(known)),
    ]


def _languages(known: Known, some: list[str]) -> Schema:
    """Those that these models know; OpenAI's names stand for the default one."""
    codes = [code for code in LANGUAGES if code in of_model(some[0])]
    condition: Schema = {"required": ["model"], "properties": {"model": {"enum": some}}}
    if known.default_model in some:
        others = [model.id for model in models(known) if model.id not in (known.models or ())]
        condition = {"properties": {"model": {"enum": [*some, *others]}}}
    return {"if": condition, "then": {"properties": {"language": {"enum": [*codes, *map(NAMES.get, codes)]}}}}
