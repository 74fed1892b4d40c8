"""Malformed files through every way in of a whole product: refused with a reason, or accepted and clearly failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from infra.native import Minio
from tests.support.buckets import client_of, new_bucket, s3_settings
from tests.support.instant_product import BEHIND, FRONT, running
from tests.support.polling import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 4
ENGINES = ("transcriber", "diarizer")
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}

Http = httpx.AsyncClient
Send = Callable[[Http, Path], Awaitable[httpx.Response]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(minio_server: Minio) -> AsyncIterator[str]:
    yield new_bucket(minio_server)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(
    tmp_path_factory: pytest.TempPathFactory, minio_server: Minio, watched: str
) -> AsyncIterator[httpx.AsyncClient]:
    names = [*FRONT, *BEHIND, *ENGINES, "bucket-watcher"]
    watch = {"bucket": watched, "sidecars": False, "settle_s": 0.0, "options": {"metadata": {"from": "bucket"}}}
    settings = {"watches": json.dumps([watch]), "sweep_every_s": 0.2, "sweep_at_most_s": 0.5}
    async with (
        running(names, tmp_path_factory.mktemp("product"), **settings, **s3_settings(minio_server)) as url,
        httpx.AsyncClient(base_url=url, timeout=120) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def malformed(eval_dir: Path, eval_manifest: list[dict[str, Any]]) -> list[Path]:
    return [eval_dir / entry["path"] for entry in eval_manifest if entry["set"] == "malformed"]


async def as_a_form(http: Http, path: Path) -> httpx.Response:
    return await http.post("/v1/media", files={"file": (path.name, path.read_bytes())})


async def as_the_body(http: Http, path: Path) -> httpx.Response:
    return await http.post("/v1/media", content=path.read_bytes(), params={"filename": path.name})


async def in_parts(http: Http, path: Path) -> httpx.Response:
    body = path.read_bytes()
    begun = await http.post("/v1/uploads", json={"size_bytes": len(body), "filename": path.name})
    if begun.is_error:
        return begun
    href = begun.headers["location"]
    sent = await http.put(f"{href}/parts/1", content=body)
    return sent if sent.is_error else await http.post(f"{href}/complete")


async def by_tus(http: Http, path: Path) -> httpx.Response:
    body = path.read_bytes()
    headers = TUS if body else {"Tus-Resumable": "1.0.0"}
    return await http.post("/v1/tus", headers={**headers, "Upload-Length": str(len(body))}, content=body)


async def to_openai(http: Http, path: Path) -> httpx.Response:
    return await http.post("/v1/audio/transcriptions", files={"file": (path.name, path.read_bytes())})


async def to_transcribe(http: Http, path: Path) -> httpx.Response:
    return await http.post("/transcribe", files={"file": (path.name, path.read_bytes())})


async def to_detect_language(http: Http, path: Path) -> httpx.Response:
    return await http.post("/detect-language", files={"file": (path.name, path.read_bytes())})


async def ended(http: Http, media_id: str) -> dict[str, Any]:
    async def final() -> dict[str, Any] | None:
        document: dict[str, Any] = (await http.get(f"/v1/media/{media_id}")).json()
        return document if document.get("status") in ("completed", "failed") else None

    return await until(final, deadline_s=60.0)


def is_clear(document: dict[str, Any]) -> bool:
    """Whether it has a result, or says why there is none."""
    failure = document["failure"]
    return document["status"] == "completed" or (failure["stage"] == "normalise" and failure["reason"].endswith("."))


@pytest.mark.parametrize("send", [as_a_form, as_the_body, in_parts, by_tus])
async def test_an_upload_is_refused_or_ends_clearly(http: Http, malformed: list[Path], send: Send) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def outcome(path: Path) -> str | None:
        async with gate:
            answer = await send(http, path)
        if 400 <= answer.status_code < 500:
            return None if len(answer.json()["detail"]) > 20 else f"{answer.status_code}: {answer.text}"
        if answer.status_code not in (201, 202):
            return f"{answer.status_code}: {answer.text}"
        media_id = answer.headers["location"].rpartition("/")[2]
        document = await ended(http, media_id)
        return None if is_clear(document) else str(document["failure"])

    outcomes = await asyncio.gather(*map(outcome, malformed))
    assert {path.name: said for path, said in zip(malformed, outcomes, strict=True) if said} == {}
    assert (await http.get("/ready")).status_code == 200


@pytest.mark.parametrize("send", [to_openai, to_transcribe, to_detect_language])
async def test_who_waits_for_the_answer_gets_one_or_a_refusal(http: Http, malformed: list[Path], send: Send) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def status(path: Path) -> int:
        async with gate:
            answer = await send(http, path)
        assert answer.json()
        return answer.status_code

    statuses = await asyncio.gather(*map(status, malformed))
    assert {path.name: n for path, n in zip(malformed, statuses, strict=True) if n != 200 and not 400 <= n < 500} == {}
    assert {200, 400} <= {200 if n == 200 else 400 for n in statuses}


async def test_what_is_put_into_a_watched_bucket_ends_clearly(
    http: Http, malformed: list[Path], minio_server: Minio, watched: str
) -> None:
    client = client_of(minio_server)
    for path in malformed:
        await asyncio.to_thread(client.put_object, Bucket=watched, Key=path.name, Body=path.read_bytes())
    client.close()

    async def all_ended() -> list[dict[str, Any]] | None:
        page = (await http.get("/v1/media", params={"limit": 200, "metadata.from": "bucket"})).json()["items"]
        return page if len(page) == len(malformed) and all(one["ended_at"] for one in page) else None

    found = await until(all_ended, deadline_s=90.0)
    assert [one["filename"] for one in found if not is_clear(one)] == []
