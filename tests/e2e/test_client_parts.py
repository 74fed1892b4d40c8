"""The client's uploads in parts: several at a time, each tried again, resumed by the next call, on both stores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyvox import keys
from polyvox.client import AsyncClient, Client
from polyvox.contracts import Options
from polyvox.errors import Invalid, Transient
from tests.support.buckets import s3_settings
from tests.support.uploads import Ingest, running_ingest, wav_of

MIB = 1 << 20
RECORDING = wav_of(25 * MIB + 5)
PARTS = 4


on_both_stores = pytest.mark.parametrize("ingest", ["folder", "minio"], indirect=True)


@pytest.fixture
async def ingest(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ingest]:
    on_minio = getattr(request, "param", "folder") == "minio"
    own = s3_settings(request.getfixturevalue("minio_server")) if on_minio else {}
    async with running_ingest(tmp_path / "data", max_upload_bytes=64 * MIB, **own) as running:
        yield running


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "Überraschung.wav"
    path.write_bytes(RECORDING)
    return path


Upload = Callable[..., Any]


@pytest.fixture(params=["async", "sync"])
def upload(request: pytest.FixtureRequest, ingest: Ingest) -> Upload:
    """Uploads with a client of either kind."""

    async def with_async(*args: Any, parts_above_bytes: int | None = MIB, retries: int = 3, **more: Any) -> str:
        async with AsyncClient(ingest.url, parts_above_bytes=parts_above_bytes, retries=retries) as client:
            return await client.upload(*args, **more)

    async def with_sync(*args: Any, parts_above_bytes: int | None = MIB, retries: int = 3, **more: Any) -> str:
        def call() -> str:
            with Client(ingest.url, parts_above_bytes=parts_above_bytes, retries=retries) as client:
                return client.upload(*args, **more)

        return await asyncio.to_thread(call)

    return with_async if request.param == "async" else with_sync


async def is_stored(ingest: Ingest, media_id: str) -> bool:
    assert {event.data.media_id for event in await ingest.uploaded()} == {media_id}
    return await ingest.store.inner.get(keys.original(media_id)) == RECORDING


@on_both_stores
async def test_a_large_file_goes_in_parts_and_a_small_one_at_once(
    ingest: Ingest, upload: Upload, recording: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    memory = tmp_path / "state" / "upload.json"
    options = Options(language="de", metadata={"case": "17"})
    media_id = await upload(recording, options, progress=lambda *said: told.append(said), resume=memory)
    assert await is_stored(ingest, media_id)
    assert (len(told), told[0], told[-1]) == (PARTS + 1, (0, len(RECORDING)), (len(RECORDING), len(RECORDING)))
    assert told == sorted(told)
    [event] = await ingest.uploaded()
    assert (event.data.filename, event.data.options) == ("Überraschung.wav", options)
    assert len(await ingest.keys("uploads/direct/")) == 1
    assert not memory.exists()
    await upload(recording, parts_above_bytes=None)
    assert len(await ingest.keys("uploads/direct/")) == 1


@on_both_stores
async def test_the_next_call_sends_what_is_missing(
    ingest: Ingest, upload: Upload, recording: Path, tmp_path: Path
) -> None:
    memory = tmp_path / "upload.json"
    sent: list[int] = []

    class Closed(Exception):
        pass

    def stop_after_two(done_bytes: int, _: int) -> None:
        sent.append(done_bytes)
        if len(sent) > 2:
            raise Closed

    with pytest.raises(Closed):
        await upload(recording, resume=memory, progress=stop_after_two)
    assert memory.exists()
    [found] = [found async for found in ingest.store.open_parts("")]
    stored = await ingest.store.parts(found.key, found.upload)
    assert len(stored) >= 2

    again: list[int] = []
    media_id = await upload(recording, resume=memory, progress=lambda done, _: again.append(done))
    assert found.key == keys.original(media_id)
    # What was on its way when the first call ended may have arrived since.
    assert again[0] >= sum(part.size_bytes for part in stored)
    assert len(again) <= 1 + PARTS - len(stored)
    assert await is_stored(ingest, media_id)
    assert not memory.exists()


async def test_what_is_remembered_is_believed_for_the_same_file_and_options_only(
    ingest: Ingest, upload: Upload, recording: Path, tmp_path: Path
) -> None:
    memory = tmp_path / "upload.json"
    ingest.log.faults.fail("append")
    with pytest.raises(Transient):
        await upload(recording, resume=memory, retries=0)
    ingest.log.faults.heal()
    other = await upload(recording, Options(language="en"), resume=tmp_path / "upload.json")
    [event] = await ingest.uploaded()
    assert (event.data.media_id, event.data.options.language) == (other, "en")


@on_both_stores
async def test_an_upload_whose_completion_was_not_answered_is_completed_by_the_next_call(
    ingest: Ingest, upload: Upload, recording: Path, tmp_path: Path
) -> None:
    memory = tmp_path / "upload.json"
    ingest.log.faults.fail("append")
    with pytest.raises(Transient):
        await upload(recording, resume=memory, retries=0)
    ingest.log.faults.heal()
    told: list[int] = []
    media_id = await upload(recording, resume=memory, progress=lambda done, _: told.append(done))
    assert told == [len(RECORDING)]
    assert await is_stored(ingest, media_id)


async def test_a_remembered_upload_that_is_gone_begins_anew(
    ingest: Ingest, upload: Upload, recording: Path, tmp_path: Path
) -> None:
    memory = tmp_path / "upload.json"
    ingest.store.faults.fail("put", matching="uploads/pending")
    with pytest.raises(Transient):
        await upload(recording, resume=memory, retries=0)
    ingest.store.faults.heal()
    upload_id = json.loads(memory.read_text())["upload_id"]
    assert (await ingest.client.delete(f"/v1/uploads/{upload_id}")).status_code == 204
    media_id = await upload(recording, resume=memory)
    assert media_id != upload_id
    assert await is_stored(ingest, media_id)


async def test_a_file_that_changes_meanwhile_is_not_taken_for_a_recording(
    ingest: Ingest, upload: Upload, recording: Path
) -> None:
    def meddle(done_bytes: int, _: int) -> None:
        if done_bytes:
            with recording.open("r+b") as file:
                file.write(b"RIFX")

    with pytest.raises(Invalid, match="changed"):
        await upload(recording, progress=meddle)
    assert await ingest.uploaded() == []


async def test_a_refusal_is_raised_with_its_reason(ingest: Ingest, upload: Upload, tmp_path: Path) -> None:
    text = tmp_path / "page.html"
    text.write_bytes(b"<html>" * MIB)
    with pytest.raises(Invalid, match="no audio or video"):
        await upload(text)
    assert await ingest.keys() == []


async def test_a_server_without_uploads_in_parts_gets_the_whole_file(tmp_path: Path, recording: Path) -> None:
    asked: list[str] = []

    async def older(request: httpx.Request) -> httpx.Response:
        await request.aread()
        asked.append(f"{request.method} {request.url.path}")
        if request.url.path != "/v1/media":
            return httpx.Response(404, json={"code": "not-found", "detail": "There is nothing here."})
        return httpx.Response(202, json={"media_id": "m-12345678"})

    http = httpx.AsyncClient(transport=httpx.MockTransport(older), base_url="http://older.example")
    async with AsyncClient(http=http, parts_above_bytes=MIB) as client:
        assert await client.upload(recording) == "m-12345678"
    assert asked == ["POST /v1/uploads", "POST /v1/media"]


async def test_a_part_that_fails_is_sent_again(ingest: Ingest, upload: Upload, recording: Path) -> None:
    real = ingest.store.inner.put_part
    failures: list[int] = []

    async def put_part(key: str, upload_id: str, number: int, body: Any) -> Any:
        if number == 2 and not failures:
            failures.append(number)
            raise Transient("injected trouble")
        return await real(key, upload_id, number, body)

    ingest.store.__dict__["put_part"] = put_part
    media_id = await upload(recording)
    assert failures == [2]
    assert await is_stored(ingest, media_id)
