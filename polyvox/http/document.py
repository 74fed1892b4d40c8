"""The OpenAPI document of an application, as its server stands: with keys routes need them, without any they do not."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from polyvox.access.scopes import open_to_all
from polyvox.http import openai_errors
from polyvox.http.door import Door
from polyvox.http.key_document import with_keys, without_keys
from polyvox.http.problems import ProblemDocument, documented


def describe(app: FastAPI, door: Door | None) -> None:
    """Have ``app`` serve its description at ``app.openapi_url``; ``app.openapi()`` is that of a server with keys.

    To be called when all routes are there. ``door`` knows whether there are keys; None: nobody is asked for one.
    """

    @cache
    def described() -> dict[str, Any]:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes, tags=app.openapi_tags)
        return with_keys(_with_problems(document), app.router.routes)

    @cache
    def described_without_keys() -> dict[str, Any]:
        return without_keys(described())

    written: dict[tuple[bool, str], bytes] = {}
    writing = asyncio.Lock()

    def write(are_keys: bool, root: str) -> bytes:
        document = described() if are_keys else described_without_keys()
        return json.dumps({**document, "servers": [{"url": root}]} if root else document).encode()

    @open_to_all
    async def serve(request: Request) -> Response:
        asked = door is not None and await door.known.are_there_any(), request.scope.get("root_path", "").rstrip("/")
        if asked not in written:
            async with writing:
                if asked not in written:
                    # Takes seconds the first time, which others must not wait for.
                    written[asked] = await asyncio.to_thread(write, *asked)
        return Response(written[asked], media_type="application/json")

    app.openapi = described  # type: ignore[method-assign]
    # FastAPI's own route has one document for all times.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", None) != app.openapi_url]
    assert app.openapi_url is not None
    app.add_route(app.openapi_url, serve, include_in_schema=False)


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI documents its own shape of validation error; here every error is a problem."""
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = ProblemDocument.model_json_schema()
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for path, operations in document.get("paths", {}).items():
        for operation in operations.values():
            responses = operation.get("responses", {})
            if openai_errors.are_spoken_at(path):
                responses.pop("422", None)
                responses["default"] = openai_errors.DOCUMENTED
                continue
            if "422" in responses:
                responses["422"] = documented(422)[422]
            responses["default"] = {**documented(500)[500], "description": "Any other refusal or failure."}
    return document
