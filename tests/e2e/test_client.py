"""The Python client, sync and async, against real upload and results APIs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from polyvox.client import AsyncClient, Client, Recording
from polyvox.contracts import Options
from polyvox.errors import Invalid, NotFound, Transient
from tests.support.api import WholeApi, whole_api
from tests.support.polling import until
from tests.support.ports import free_port
from tests.support.server import serve
from tests.support.uploads import wav


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with whole_api(tmp_path / "data") as api:
        yield api


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "Überraschung & more.wav"
    path.write_bytes(wav(20.0))
    return path


class InThread:
    """The sync client with async clothes on, so that one test serves both."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return lambda *args, **kwargs: asyncio.to_thread(getattr(self._client, name), *args, **kwargs)

    async def list(self, **filters: Any) -> AsyncIterator[Recording]:
        for item in await asyncio.to_thread(lambda: list(self._client.list(**filters))):
            yield item


Connect = Callable[..., Any]


@pytest.fixture(params=["async", "sync"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes a client of either kind."""
    async with contextlib.AsyncExitStack() as stack:

        def make(url: str, **options: Any) -> Any:
            if request.param == "sync":
                return InThread(stack.enter_context(Client(url, **options)))
            client = AsyncClient(url, **options)
            stack.push_async_callback(client.close)
            return client

        yield make


async def test_a_recording_goes_in_and_its_transcript_comes_out(
    api: WholeApi, recording: Path, connect: Connect
) -> None:
    client = connect(api.url)
    sent: list[tuple[int, int]] = []
    options = Options(language="de", diarize=False, metadata={"case": "17"})
    media_id = await client.upload(recording, options, progress=lambda done, total: sent.append((done, total)))
    size_bytes = recording.stat().st_size
    assert sent[-1] == (size_bytes, size_bytes)
    assert [done for done, _ in sent] == sorted(done for done, _ in sent)
    assert len({done for done, _ in sent}) > 2

    (fact,) = await api.uploads()
    assert (fact.filename, fact.options, fact.original.size_bytes) == (recording.name, options, size_bytes)

    seen: list[Recording] = []
    waiting = asyncio.create_task(client.wait(media_id, timeout_s=60, progress=seen.append))
    await until(lambda: seen, what="the first state")
    await api.complete(media_id)
    state = await waiting
    assert (state.status, state.progress) == ("completed", 1.0)
    assert seen[-1] == state
    assert (await client.get(media_id)).status == "completed"
    assert (await client.transcript(media_id)).media_id == media_id
    assert (await client.export(media_id, "vtt")).startswith("WEBVTT")

    await client.delete(media_id)
    assert (await client.get(media_id)).status == "deleted"
    with pytest.raises(NotFound):
        await client.export(media_id, "json")


async def test_lists_are_read_page_by_page(api: WholeApi, recording: Path, connect: Connect) -> None:
    client = connect(api.url)
    ids = [await client.upload(recording) for _ in range(5)]
    await until(lambda: _all_listed(client, ids), what="five recordings in the list")
    assert [item.media_id async for item in client.list(limit=2)] == ids[::-1]
    assert [item.media_id async for item in client.list(limit=2, status="completed")] == []


async def _all_listed(client: Any, ids: list[str]) -> bool:
    return {item.media_id async for item in client.list(limit=2)} == set(ids)


async def test_refusals_say_what_to_do(api: WholeApi, tmp_path: Path, connect: Connect) -> None:
    client = connect(api.url)
    note = tmp_path / "note.wav"
    note.write_text("no sound in here\n" * 100)
    with pytest.raises(Invalid, match="no audio or video") as refused:
        await client.upload(note)
    assert refused.value.code == "not-media"
    with pytest.raises(Invalid, match="model 'nope' is not known"):
        await client.upload(note, Options(model="nope"))
    with pytest.raises(NotFound):
        await client.get("unknown-recording")
    with pytest.raises(NotFound):
        await client.wait("unknown-recording")
    with pytest.raises(OSError, match=r"nothing\.wav"):
        await client.upload(tmp_path / "nothing.wav")
    assert await api.uploads() == []


async def test_a_refusal_is_read_although_the_file_is_still_being_sent(tmp_path: Path, connect: Connect) -> None:
    large = tmp_path / "large.wav"
    with large.open("wb") as file:
        file.write(wav(1.0))
        file.truncate(64 << 20)
    sent: list[int] = []
    async with whole_api(tmp_path / "data", max_upload_bytes=1 << 20) as api:
        client = connect(api.url)
        with pytest.raises(Invalid, match=r"1 MiB") as refused:
            await client.upload(large, progress=lambda done, _: sent.append(done))
    assert refused.value.code == "too-large"
    # It was not tried again.
    assert sent == sorted(set(sent))


async def test_an_upload_that_meets_trouble_is_repeated_and_makes_one_recording(
    api: WholeApi, recording: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyvox.client.calls.RETRY_MAX_S", 0.05)
    monkeypatch.setattr("polyvox.client.calls.RETRY_AFTER_MAX_S", 0.05)
    api.log.faults.fail("append")
    client = connect(api.url, retries=50)
    uploading = asyncio.create_task(client.upload(recording))
    await until(lambda: api.store.puts > 3, what="a second attempt")
    api.log.faults.heal()
    media_id = await uploading
    assert [fact.media_id for fact in await api.uploads()] == [media_id]


async def test_trouble_that_stays_is_raised_after_the_retries(
    api: WholeApi, recording: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polyvox.client.calls.RETRY_MAX_S", 0.01)
    monkeypatch.setattr("polyvox.client.calls.RETRY_AFTER_MAX_S", 0.01)
    api.log.faults.fail("append")
    with pytest.raises(Transient, match="send the same request again"):
        await connect(api.url, retries=1).upload(recording)
    assert await api.uploads() == []


async def test_the_same_key_is_the_same_recording(api: WholeApi, recording: Path, connect: Connect) -> None:
    client = connect(api.url)
    first = await client.upload(recording, idempotency_key="case-17")
    assert await client.upload(recording, idempotency_key="case-17") == first
    assert await client.upload(recording) != first
    with pytest.raises(Invalid):
        await client.upload(recording, Options(language="de"), idempotency_key="case-17")


@pytest.mark.parametrize("parts_above_bytes", [None, 0])
async def test_what_nobody_waits_for_goes_into_the_bulk_lane(
    api: WholeApi, recording: Path, connect: Connect, parts_above_bytes: int | None
) -> None:
    client = connect(api.url, parts_above_bytes=parts_above_bytes)
    await client.upload(recording)
    await client.upload(recording, lane="bulk")
    assert sorted([upload.lane for upload in await api.uploads()]) == ["bulk", "interactive"]


async def test_waiting_outlives_a_server_that_goes_and_comes_back(
    tmp_path: Path, recording: Path, connect: Connect
) -> None:
    port = free_port()
    async with whole_api(tmp_path / "data") as api, _forwarding(api.url, port):
        client = connect(f"http://127.0.0.1:{port}")
        media_id = await client.upload(recording)
        seen: list[Recording] = []
        waiting = asyncio.create_task(client.wait(media_id, progress=seen.append))
        await until(lambda: seen, what="the first state")
    # The port is closed, the recording goes on elsewhere.
    async with whole_api(tmp_path / "data") as api:
        await api.complete(media_id)
        await api.results.becomes("completed", media_id)
        assert not waiting.done()
        async with _forwarding(api.url, port):
            assert (await asyncio.wait_for(waiting, 30)).status == "completed"


async def test_waiting_ends_when_the_server_stays_away_or_time_is_up(
    api: WholeApi, recording: Path, connect: Connect
) -> None:
    media_id = await connect(api.url).upload(recording)
    with pytest.raises(TimeoutError, match=r"did not finish within 0\.2 s"):
        await connect(api.url).wait(media_id, timeout_s=0.2)
    with pytest.raises(Transient, match="no answer"):
        await connect(f"http://127.0.0.1:{free_port()}").wait(media_id, patience_s=0.2)


async def test_what_is_no_polyvox_is_told_apart_from_what_is_not_there(connect: Connect) -> None:
    from fastapi import FastAPI

    with pytest.raises(Transient, match="is the server running"):
        await connect(f"127.0.0.1:{free_port()}").check()
    stranger = FastAPI()
    stranger.get("/v1/media")(lambda: "hello")
    async with serve(stranger) as url:
        with pytest.raises(Invalid, match="not a Polyvox server"):
            await connect(url).check()
        with pytest.raises(Invalid, match="not a Polyvox server"):
            [item async for item in connect(url).list()]
    async with serve(FastAPI()) as url:
        with pytest.raises(Invalid, match="not a Polyvox server"):
            await connect(url).check()
        assert not await connect(url).is_ready()


def test_the_sync_client_streams_from_ordinary_code(tmp_path: Path, recording: Path) -> None:
    """As in the package's own example: no event loop anywhere near."""
    with _api_in_thread(tmp_path / "data") as url, Client(url) as client:
        client.check()
        media_id = client.upload(recording)
        assert client.get(media_id).media_id == media_id


@contextlib.contextmanager
def _api_in_thread(data_dir: Path) -> Iterator[str]:
    started, done = threading.Event(), asyncio.Event()
    told: list[Any] = []

    async def main() -> None:
        async with whole_api(data_dir) as api:
            told.extend([api.url, asyncio.get_running_loop()])
            started.set()
            await done.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert started.wait(30)
    try:
        yield told[0]
    finally:
        told[1].call_soon_threadsafe(done.set)
        thread.join(30)


@contextlib.asynccontextmanager
async def _forwarding(url: str, port: int) -> AsyncIterator[None]:
    """``port`` leads to the server at ``url``; at the end, it and what goes through it are gone."""
    host, _, target = url.removeprefix("http://").partition(":")
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(target))
        writers.extend([writer, back])
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()
