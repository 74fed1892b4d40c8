"""What a caller sends to upload a recording in parts, and a fixture: ingest on each store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.parts.session import PART_BYTES
from polyvox.ports import ObjectStore
from tests.support.buckets import s3_settings
from tests.support.uploads import Ingest, running_ingest, wav_of

SIZE_BYTES = 2 * PART_BYTES + 12_345
RECORDING = wav_of(SIZE_BYTES)


@pytest.fixture(params=["folder", "minio"])
async def ingest(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ingest]:
    own = {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))
    async with running_ingest(tmp_path, max_upload_bytes=64 << 20, **own) as running:
        yield running


async def begin(ingest: Ingest, size_bytes: int = SIZE_BYTES, *, key: str | None = None, **more: Any) -> dict[str, Any]:
    answer = await ingest.client.post(
        "/v1/uploads",
        json={"size_bytes": size_bytes, "filename": "long.wav", **more},
        headers={"Idempotency-Key": key} if key else {},
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/uploads/{answer.json()['upload_id']}"
    return dict(answer.json())


async def send(ingest: Ingest, upload: dict[str, Any], *numbers: int, data: bytes = RECORDING) -> dict[int, str]:
    """PUT parts to where they belong; gives their ETags."""
    asked = await ingest.client.post(f"/v1/uploads/{upload['upload_id']}/urls", json={"numbers": list(numbers)})
    assert asked.status_code == 200, asked.text
    etags = {}
    for place in asked.json()["urls"]:
        start = (place["number"] - 1) * upload["part_bytes"]
        part = data[start : start + upload["part_bytes"]]
        answer = await ingest.client.put(ingest.client.base_url.join(place["url"]), content=part)
        assert answer.status_code == 200, answer.text
        etags[place["number"]] = answer.headers["etag"]
    return etags


async def complete(ingest: Ingest, upload: dict[str, Any], etags: dict[int, str] | None = None) -> httpx.Response:
    body = None if etags is None else {"parts": [{"number": number, "etag": etag} for number, etag in etags.items()]}
    return await ingest.client.post(f"/v1/uploads/{upload['upload_id']}/complete", json=body)


async def state(ingest: Ingest, upload: dict[str, Any]) -> httpx.Response:
    return await ingest.client.get(f"/v1/uploads/{upload['upload_id']}")


async def stored_sha256(store: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    async for chunk in store.stream(key):
        digest.update(chunk)
    return digest.hexdigest()


async def nothing_is_left(ingest: Ingest) -> bool:
    open_parts = [found async for found in ingest.store.open_parts("")]
    return await ingest.keys() == [] and open_parts == [] and await ingest.uploaded() == []


async def the_open_part(ingest: Ingest) -> tuple[str, str]:
    [found] = [found async for found in ingest.store.open_parts("media/")]
    return found.key, found.upload
