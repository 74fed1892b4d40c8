"""The clients that people use, tus-js-client and tuspy, interrupted and resumed, on both stores."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

from polyvox import bootstrap, keys
from polyvox.contracts import MediaUploaded
from polyvox.settings import Settings
from tests.support import node
from tests.support.buckets import s3_settings
from tests.support.ports import free_port
from tests.support.upload_server import server_process
from tests.support.uploads import Ingest, running_ingest, wav_of

MIB = 1 << 20
RECORDING = wav_of(21 * MIB + 17)


@pytest.fixture(params=["folder", "minio"])
def own(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of the store."""
    return {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))


@pytest.fixture
async def ingest(own: dict[str, Any], tmp_path: Path) -> AsyncIterator[Ingest]:
    async with running_ingest(tmp_path / "data", max_upload_bytes=64 * MIB, **own) as running:
        yield running


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "long.wav"
    path.write_bytes(RECORDING)
    return path


async def the_recording(ingest: Ingest) -> MediaUploaded:
    [event] = await ingest.uploaded()
    assert await ingest.store.inner.get(keys.original(event.data.media_id)) == RECORDING
    assert await ingest.keys("uploads/tails/") == []
    return event.data


@pytest.mark.parametrize("chunk_bytes", [3 * MIB, 10 * MIB])
async def test_tus_js_client_goes_on_where_it_was_closed(
    ingest: Ingest, recording: Path, tmp_path: Path, chunk_bytes: int
) -> None:
    arguments = (f"{ingest.url}/v1/tus", recording, tmp_path / "urls.json", chunk_bytes)
    status, lines = await asyncio.to_thread(node.run, "tus_upload.mjs", *arguments, 5 * MIB)
    assert (status, lines[-1]) == (3, f"sent {-(-5 * MIB // chunk_bytes) * chunk_bytes}")
    assert await ingest.uploaded() == []
    status, lines = await asyncio.to_thread(node.run, "tus_upload.mjs", *arguments)
    assert (status, lines[0]) == (0, "resumed")
    assert len([line for line in lines if line.startswith("sent")]) == -(-len(RECORDING) // chunk_bytes) - (
        2 if chunk_bytes == 3 * MIB else 1
    )
    fact = await the_recording(ingest)
    assert lines[-1] == f"done {ingest.url}/v1/tus/{fact.media_id}"
    assert (fact.filename, fact.options.language) == ("from-node.wav", "de")


async def test_tus_js_client_survives_a_server_that_is_killed(
    own: dict[str, Any], recording: Path, tmp_path: Path
) -> None:
    port = free_port()
    with server_process(tmp_path / "data", port=port, **own) as server:
        client = node.start("tus_upload.mjs", f"{server.url}/v1/tus", recording, tmp_path / "urls.json", 2 * MIB, 0)
        assert client.stdout is not None
        assert [client.stdout.readline() for _ in range(2)] == [f"sent {2 * MIB}\n", f"sent {4 * MIB}\n"]
        server.kill()
    with client, server_process(tmp_path / "data", port=port, **own):
        output, _ = await asyncio.to_thread(client.communicate, timeout=60)
        assert client.returncode == 0
    media_id = output.split("/")[-1].strip()
    store = bootstrap.open_store(Settings(data_dir=tmp_path / "data", **own))
    assert await store.get(keys.original(media_id)) == RECORDING
    await store.close()


# It leaves the file that it reads to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("with_checksum", [False, True])
async def test_tuspy_goes_on_where_it_was_stopped(
    ingest: Ingest, recording: Path, tmp_path: Path, with_checksum: bool
) -> None:
    def send(stop_at: int | None) -> str:
        with contextlib.closing(FileStorage(str(tmp_path / "urls.json"))) as urls:
            uploader = TusClient(f"{ingest.url}/v1/tus").uploader(
                str(recording),
                chunk_size=3 * MIB,
                metadata={"filename": "from-python.wav", "num_speakers": "2"},
                store_url=True,
                url_storage=urls,
                upload_checksum=with_checksum,
            )
            assert uploader.offset == (0 if stop_at else 7 * MIB)
            uploader.upload(stop_at=stop_at)
            return str(uploader.url)

    first = await asyncio.to_thread(send, 7 * MIB)
    assert await ingest.uploaded() == []
    assert await asyncio.to_thread(send, None) == first
    fact = await the_recording(ingest)
    assert first.endswith(fact.media_id)
    assert (fact.filename, fact.options.num_speakers) == ("from-python.wav", 2)
