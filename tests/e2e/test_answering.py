"""Routes that answer with the transcript: whoever waits, leaves, comes back, or watches it grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import httpx_sse
import openai
import pytest
from openai import AsyncOpenAI

from polyvox.contracts import MediaDeleted, Options
from tests.support.api import WholeApi, whole_api
from tests.support.instant_product import running
from tests.support.results import until
from tests.support.stages import TEXT, Recording
from tests.support.uploads import running_ingest, wav

FILE = {"file": ("call.wav", wav())}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with whole_api(tmp_path) as api:
        yield api


async def accepted(api: WholeApi) -> str:
    """The media id of the first upload."""

    async def first() -> str | None:
        return next((upload.media_id for upload in await api.uploads()), None)

    media_id = await until(first, "an upload to be accepted")
    assert media_id is not None
    return media_id


async def test_who_leaves_takes_the_recording_along(api: WholeApi) -> None:
    async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key="none", max_retries=0, timeout=1.0) as hasty:
        with pytest.raises(openai.APITimeoutError):
            await hasty.audio.transcriptions.create(file=FILE["file"], model="whisper-1")
    await api.results.becomes("deleted", await accepted(api))


async def test_who_leaves_a_stream_takes_the_recording_along(api: WholeApi) -> None:
    async with (
        httpx.AsyncClient(base_url=api.url) as client,
        client.stream("POST", "/v1/audio/transcriptions", files=FILE, data={"stream": "true"}) as response,
    ):
        assert response.status_code == 200
        media_id = response.headers["Polyvox-Media-Id"]
    await api.results.becomes("deleted", media_id)


async def test_who_comes_back_with_the_same_key_gets_the_same_recording(api: WholeApi) -> None:
    request: dict[str, Any] = {"files": FILE, "headers": {"Idempotency-Key": "call-1"}}
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/transcribe", **request, timeout=1.0)
        media_id = await accepted(api)
        await api.complete(media_id)
        answer = await client.post("/transcribe", **request)
    assert answer.status_code == 200
    assert answer.headers["Polyvox-Media-Id"] == media_id
    assert answer.json()["speakers"] == ["Speaker 1", "Speaker 2"]


async def test_a_stream_grows_part_by_part(api: WholeApi) -> None:
    deltas: list[str] = []
    async with (
        httpx.AsyncClient(base_url=api.url, timeout=30) as client,
        httpx_sse.aconnect_sse(
            client, "POST", "/v1/audio/transcriptions", files=FILE, data={"stream": "true"}
        ) as source,
    ):
        recording = Recording(media_id=await accepted(api), options=Options(diarize=False))
        await recording.store_all(api.results.store)
        await api.results.append(recording.messages([recording.ready, recording.transcribed(0)]))
        async for event in source.aiter_sse():
            document = event.json()
            assert event.event == document["type"]
            if document["type"] == "transcript.text.done":
                assert "".join(deltas) == document["text"]
                break
            if not deltas:
                await api.results.append(recording.messages([recording.transcribed(1)]))
            deltas.append(document["delta"])
        else:
            pytest.fail("the stream ended early")
    assert deltas[0] == TEXT.partition(".")[0].strip() + "."


async def test_a_stopping_server_says_so_and_keeps_nothing(api: WholeApi) -> None:
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        asking = asyncio.create_task(client.post("/v1/audio/transcriptions", files=FILE))
        media_id = await accepted(api)
        api.results.runtime.stopping.set()
        answer = await asking
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["error"]["type"] == "server_error"

    async def is_removed() -> bool:
        return [envelope.data.media_id for envelope in await api.results.told(MediaDeleted)] == [media_id]

    await until(is_removed, "the recording to be removed")


async def test_without_results_nothing_is_taken(tmp_path: Path) -> None:
    async with running_ingest(tmp_path) as ingest:
        answer = await ingest.client.post("/v1/audio/transcriptions", files=FILE)
        assert answer.status_code == 503
        assert "POLYVOX_RESULTS_URL" in answer.json()["error"]["message"]
        assert (await ingest.client.post("/transcribe", files=FILE)).json()["code"] == "no-results"
        assert await ingest.uploaded() == []


async def test_results_may_be_served_elsewhere(tmp_path: Path) -> None:
    behind = ("results-api", "projection", "normaliser", "transcriber", "diarizer")
    async with (
        running(behind, tmp_path) as results,
        running(["ingest-api"], tmp_path, results_url=results) as ingest,
        httpx.AsyncClient(base_url=ingest, timeout=30) as client,
    ):
        answer = await client.post("/api/transcribe", files={"file": ("call.wav", wav(6.0))})
        assert answer.json() == {"transcript": "So we look at what it costs, one recording after the other."}
        assert (await client.get("/v1/media")).status_code == 405
