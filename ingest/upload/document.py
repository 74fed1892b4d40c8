"""OpenAPI for what FastAPI never sees: options as fields, bodies that are streamed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from polyvox.contracts import Options

BINARY = {"type": "string", "format": "binary"}


def option_schemas() -> dict[str, Any]:
    """The schema of each option, by name."""
    options: dict[str, Any] = Options.model_json_schema()["properties"]
    options["language"] = {
        "type": "string",
        "default": "auto",
        "description": "ISO 639 code, or auto to find out.",
        "examples": ["auto", "en"],
    }
    return options


def request_document(*, without: Collection[str] = ()) -> dict[str, Any]:
    """A form or a raw body with all options but those in ``without``."""
    options = option_schemas()
    options["metadata"] = {
        "type": "string",
        "description": "A JSON object of strings. Fields named metadata.KEY work as well.",
    }
    options["lane"] = {
        "type": "string",
        "enum": ["interactive", "bulk"],
        "default": "interactive",
        "description": "Bulk work waits while there is interactive work.",
    }
    options = {name: option for name, option in options.items() if name not in without}
    form = {"type": "object", "required": ["file"], "properties": {"file": BINARY, **options}}
    in_query = [{"name": name, "in": "query", "schema": option} for name, option in options.items()]
    filename = {"name": "filename", "in": "query", "schema": {"type": "string"}, "description": "For a raw body."}
    return {
        "parameters": [*in_query, filename],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/octet-stream": {"schema": BINARY},
                "audio/*": {"schema": BINARY},
                "video/*": {"schema": BINARY},
            },
        },
    }
