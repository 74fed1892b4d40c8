"""An upload whose server is killed: nothing acknowledged is lost, nothing half-done stays."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import httpx
import pytest

from polyvox import keys
from polyvox.adapters.filesystem import FolderStore
from polyvox.settings import Settings
from tests.support.polling import until
from tests.support.server import RawConnection
from tests.support.upload_server import server_process
from tests.support.uploads import running_ingest, wav

KEY = {"Idempotency-Key": "the same"}

pytestmark = pytest.mark.chaos


async def kill_between_store_and_log(folder: Path, headers: dict[str, str]) -> str:
    """Returns the media id of the upload that was under way."""
    with server_process(folder, "hang") as server:
        async with httpx.AsyncClient(timeout=60) as client:
            request = asyncio.create_task(client.post(f"{server.url}/v1/media", content=wav(20.0), headers=headers))
            store = FolderStore(Settings(data_dir=folder).objects_path)

            async def manifests() -> list[str]:
                return [info.key async for info in store.list("media/") if info.key.endswith("upload.json")]

            [manifest] = await until(manifests)
            server.kill()
            with pytest.raises(httpx.TransportError):
                await request
            await store.close()
    return str(manifest).split("/")[1]


async def test_a_retry_after_a_kill_between_store_and_log_finishes_the_same_recording(tmp_path: Path) -> None:
    media_id = await kill_between_store_and_log(tmp_path, KEY)
    async with running_ingest(tmp_path) as ingest:
        assert await ingest.uploaded() == []
        again = await ingest.client.post("/v1/media", content=wav(20.0), headers=KEY)
        assert (again.status_code, again.json()["media_id"]) == (202, media_id)
        assert again.headers["idempotent-replay"] == "true"
        assert [event.data.media_id for event in await ingest.uploaded()] == [media_id]
        assert await ingest.store.get(keys.original(media_id)) == wav(20.0)
        assert await ingest.keys("uploads/pending/") == []


async def test_the_sweep_finishes_what_was_killed_between_store_and_log(tmp_path: Path) -> None:
    media_id = await kill_between_store_and_log(tmp_path, {})
    async with running_ingest(tmp_path) as ingest:
        ingest.clock.ahead_s = 3600
        await ingest.sweep().once()
        assert [event.data.media_id for event in await ingest.uploaded()] == [media_id]
        assert await ingest.keys("uploads/") == []


async def test_a_kill_in_the_middle_of_the_bytes_leaves_no_object_and_no_file(tmp_path: Path) -> None:
    objects = Settings(data_dir=tmp_path).objects_path

    def bytes_on_disk() -> int:
        return sum(path.stat().st_size for path in objects.rglob("*") if path.is_file())

    with server_process(tmp_path) as server:
        async with RawConnection.to(server.url) as client:
            await client.send_head("POST", "/v1/media", Content_Length="9000000", Content_Type="audio/wav")
            await client.send(wav(120.0)[:3_500_000])
            await until(lambda: bytes_on_disk() > 1_000_000)
            server.kill()
    # The store removes what is old enough to be nobody's; here a day passes.
    for path in objects.rglob("*"):
        os.utime(path, (time.time() - 86_400,) * 2)
    async with running_ingest(tmp_path) as ingest:
        assert (await ingest.client.post("/v1/media", content=wav())).status_code == 202
        assert bytes_on_disk() < 100_000
        assert len(await ingest.keys()) == 2
