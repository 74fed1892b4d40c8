"""What every HTTP answer of every service has in common, over a real socket."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from polyvox.errors import AlreadyExists, Fatal, Invalid, NotFound, Transient
from polyvox.http import Problem, create_app, document
from polyvox.http.operations import operations_router
from tests.support.server import RawConnection, serve
from tests.support.uploads import Ingest, running_ingest

FAILURES = {
    "problem": Problem(418, "teapot", "I am a teapot", "Ask for tea.", members={"colour": "brown"}),
    "not-found": NotFound("there is no recording m1"),
    "exists": AlreadyExists("there is one already"),
    "invalid": Invalid("the recording has no audio", code="no-audio"),
    "transient": Transient("SELECT secret FROM broken"),
    "fatal": Fatal("secret"),
    "bug": ZeroDivisionError("secret"),
}


def failing_routes() -> APIRouter:
    router = APIRouter()

    @router.get("/fails/{how}")
    async def fails(how: str, count: int = 0) -> int:
        raise FAILURES[how]

    @router.post("/ignores-its-body")
    async def ignores() -> int:
        raise FAILURES["problem"]

    return router


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with serve(create_app([failing_routes()], title="Test")) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("problem", 418, "teapot"),
        ("not-found", 404, "not-found"),
        ("exists", 409, "conflict"),
        ("invalid", 400, "no-audio"),
        ("transient", 503, "unavailable"),
        ("fatal", 500, "internal"),
        ("bug", 500, "internal"),
    ],
)
async def test_every_failure_is_a_problem_document(client: httpx.AsyncClient, how: str, status: int, code: str) -> None:
    answer = await client.get(f"/fails/{how}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:polyvox:problem:{code}"
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)
    if how == "problem":
        assert document["colour"] == "brown"


async def test_what_the_framework_refuses_is_a_problem_too(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nowhere")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    assert "/nowhere" in missing.json()["detail"]
    wrong = await client.delete("/fails/bug")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method-not-allowed")
    assert wrong.headers["allow"] == "GET, HEAD"
    invalid = await client.get("/fails/bug", params={"count": "many"})
    assert (invalid.status_code, invalid.json()["code"]) == (422, "invalid-request")
    assert invalid.json()["errors"][0]["name"] == "count"
    for answer in (missing, wrong, invalid):
        assert answer.headers["content-type"] == "application/problem+json"


async def test_others_are_answered_while_the_description_of_the_api_is_put_together(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, finish = threading.Event(), threading.Event()
    made = []

    def slow(**about: Any) -> dict[str, Any]:
        begun.set()
        assert finish.wait(20)
        made.append(about)
        return get_openapi(**about)

    monkeypatch.setattr(document, "get_openapi", slow)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(client.get("/openapi.json")) for _ in range(3)]
        assert await asyncio.to_thread(begun.wait, 20)
        assert (await client.get("/fails/problem")).status_code == 418
        finish.set()
    answers = [task.result() for task in asked]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == len(made) == 1


async def test_the_description_of_the_api_knows_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert set(document["components"]["schemas"]["Problem"]["properties"]) == {
        "type", "title", "status", "detail", "code"
    }  # fmt: skip
    responses = document["paths"]["/fails/{how}"]["get"]["responses"]
    for status in ("422", "default"):
        assert responses[status]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    assert "HTTPValidationError" not in json.dumps(document)


async def test_the_documentation_page_needs_no_other_server(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page.text))
    parts = re.findall(r'(?:src|href)="(/[^"]*)"', page.text)
    assert len(parts) >= 2
    for part in parts:
        assert len((await client.get(part)).content) > 1000
    assert (await client.get("/docs/static/../../app.py")).status_code == 404


async def test_a_connection_stays_open_when_the_body_was_small_and_closes_when_it_goes_on(
    client: httpx.AsyncClient,
) -> None:
    url = str(client.base_url).rstrip("/")
    async with RawConnection.to(url) as connection:
        await connection.send_head("POST", "/ignores-its-body", Content_Length="100000000")
        status, text = await connection.response()
        assert (status, "connection: close" in text.lower()) == (418, True)
        await connection.send(bytes(1_000_000))
    async with RawConnection.to(url) as connection:
        for _ in range(2):
            await connection.send_head("GET", "/fails/problem")
            status, text = await connection.response()
            assert (status, "connection: close" in text.lower()) == (418, False)


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with running_ingest(tmp_path) as running:
        yield running


async def test_health_ready_and_metrics_answer(ingest: Ingest) -> None:
    assert (await ingest.client.get("/health")).json() == {"status": "ok"}
    ready = await ingest.client.get("/ready")
    assert ready.json() == {"status": "ready", "checks": {"log": "ok", "store": "ok"}}
    metrics = await ingest.client.get("/metrics")
    assert metrics.status_code == 200
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("broken", ["log", "store"])
async def test_a_service_without_log_or_store_is_alive_but_not_ready(ingest: Ingest, broken: str) -> None:
    if broken == "log":
        ingest.log.faults.fail("bounds", error=OSError("secret"))
    else:
        ingest.store.faults.fail("head")
    answer = await ingest.client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"log": "ok", "store": "ok", broken: "failed"}
    assert broken in answer.json()["detail"]
    assert "secret" not in answer.text
    assert (await ingest.client.get("/health")).status_code == 200


async def test_a_service_that_stops_is_not_ready(ingest: Ingest) -> None:
    ingest.runtime.stopping.set()
    assert (await ingest.client.get("/ready")).status_code == 503


async def test_one_may_add_checks(ingest: Ingest) -> None:
    async def database() -> None:
        raise Transient("down")

    router = operations_router(ingest.runtime, lambda: b"", checks={"database": database})
    async with serve(create_app([router], title="Test")) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/ready")).json()["checks"] == {"log": "ok", "store": "ok", "database": "failed"}


async def test_the_upload_is_described_for_people_and_generators(ingest: Ingest) -> None:
    operation = (await ingest.client.get("/openapi.json")).json()["paths"]["/v1/media"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file"]
    assert {"language", "task", "model", "diarize", "num_speakers", "prompt", "metadata"} <= set(form["properties"])
    assert {"202", "400", "409", "413", "415", "422", "503"} <= set(operation["responses"])
    assert "$defs" not in json.dumps(operation)
