"""Uploads in several requests whose server is killed in between: what was acknowledged is kept, on both stores."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyvox import bootstrap, keys
from polyvox.client import AsyncClient
from polyvox.settings import Settings
from tests.support.buckets import s3_settings
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.server import RawConnection
from tests.support.upload_server import server_process
from tests.support.uploads import running_ingest, wav_of

MIB = 1 << 20
RECORDING = wav_of(40 * MIB + 9)
PART_BYTES = 8 * MIB

pytestmark = pytest.mark.chaos


@pytest.fixture(params=["folder", "minio"])
def own(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of the store."""
    return {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))


async def stored(folder: Path, own: dict[str, Any], media_id: str) -> bytes:
    store = bootstrap.open_store(Settings(data_dir=folder, **own))
    try:
        return await store.get(keys.original(media_id))
    finally:
        await store.close()


async def test_the_client_goes_on_when_the_server_is_killed_and_comes_back(tmp_path: Path, own: dict[str, Any]) -> None:
    recording = tmp_path / "long.wav"
    recording.write_bytes(RECORDING)
    port, told = free_port(), list[int]()
    async with AsyncClient(f"http://127.0.0.1:{port}", parts_above_bytes=MIB, retries=8) as client:
        with server_process(tmp_path / "data", port=port, **own) as server:
            upload = asyncio.create_task(client.upload(recording, progress=lambda done, _: told.append(done)))
            await until(lambda: len(told) > 2)
            server.kill()
        with server_process(tmp_path / "data", port=port, **own):
            media_id = await asyncio.wait_for(upload, 100)
    assert told == sorted(told)
    assert await stored(tmp_path / "data", own, media_id) == RECORDING


async def test_a_kill_while_tus_bytes_arrive_loses_none_that_an_offset_told_of(
    tmp_path: Path, own: dict[str, Any]
) -> None:
    version = {"Tus-Resumable": "1.0.0"}
    about = {**version, "Content-Type": "application/offset+octet-stream"}
    with server_process(tmp_path / "data", **own) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            created = await client.post("/v1/tus", headers={**version, "Upload-Length": str(len(RECORDING))})
            url = created.headers["location"]
            first = RECORDING[: PART_BYTES + 1_000_000]
            answer = await client.patch(url, content=first, headers={**about, "Upload-Offset": "0"})
            assert answer.headers["upload-offset"] == str(len(first))
        async with RawConnection.to(server.url) as raw:
            head = {**about, "Upload-Offset": str(len(first)), "Content-Length": str(len(RECORDING) - len(first))}
            await raw.send_head("PATCH", url, **head)
            await raw.send(RECORDING[len(first) : len(first) + 2 * PART_BYTES])
            server.kill()
    async with running_ingest(tmp_path / "data", max_upload_bytes=64 * MIB, **own) as ingest:
        offset = int((await ingest.client.head(url, headers=version)).headers["upload-offset"])
        assert len(first) <= offset <= len(first) + 2 * PART_BYTES
        rest = await ingest.client.patch(
            url, content=RECORDING[offset:], headers={**about, "Upload-Offset": str(offset)}
        )
        assert rest.status_code == 204, rest.text
        [event] = await ingest.uploaded()
        assert await ingest.store.inner.get(event.data.original.key) == RECORDING


async def test_a_kill_between_store_and_log_is_finished_by_completing_again_or_by_the_sweep(
    tmp_path: Path, own: dict[str, Any]
) -> None:
    ids = []
    with server_process(tmp_path / "data", "hang", **own) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            completing = []
            for _ in range(2):
                size_bytes = PART_BYTES
                upload = (await client.post("/v1/uploads", json={"size_bytes": size_bytes})).json()
                ids.append(upload["media_id"])
                path = f"/v1/uploads/{upload['upload_id']}"
                await client.put(f"{path}/parts/1", content=RECORDING[:size_bytes])
                completing.append(asyncio.create_task(client.post(f"{path}/complete")))
            store = bootstrap.open_store(Settings(data_dir=tmp_path / "data", **own))

            async def noted() -> bool:
                return len([info async for info in store.list("media/") if info.key.endswith("upload.json")]) == 2

            await until(noted)
            server.kill()
            for request in completing:
                with pytest.raises(httpx.TransportError):
                    await request
            await store.close()
    async with running_ingest(tmp_path / "data", **own) as ingest:
        assert await ingest.uploaded() == []
        again = await ingest.client.post(f"/v1/uploads/{ids[0]}/complete")
        assert (again.status_code, again.json()["media_id"]) == (202, ids[0])
        ingest.clock.ahead_s = 3600
        await ingest.sweep().once()
        assert {event.data.media_id for event in await ingest.uploaded()} == set(ids)
        assert await ingest.keys("uploads/pending/") == []
