"""Following a recording by both clients: its states and its transcript as it grows, over a server that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from polyvox.client import AsyncClient, Client, calls
from polyvox.errors import Invalid, NotFound, Transient
from tests.support.api import WholeApi, whole_api
from tests.support.results import until
from tests.support.stages import Recording
from tests.support.uploads import wav


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with whole_api(tmp_path / "data") as api:
        yield api


async def test_a_transcript_is_streamed_as_its_parts_come(api: WholeApi, tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(wav(2.0))
    async with AsyncClient(api.url) as client:
        media_id = await client.upload(tmp_path / "call.wav")
        recording = Recording(media_id=media_id)
        await recording.store_all(api.results.store)

        async def by_async() -> list[int]:
            return [len(transcript.segments) async for transcript in client.stream(media_id)]

        def by_sync() -> list[tuple[str, int]]:
            with Client(api.url) as other:
                seen: list[tuple[str, int]] = [
                    (transcript.status, len(transcript.segments)) for transcript in other.stream(media_id)
                ]
                assert [state.status for state in other.events(media_id)] == ["completed"]
            return seen

        followers = asyncio.gather(by_async(), asyncio.to_thread(by_sync))
        for reached, fact in enumerate(recording.facts[1:]):
            await api.results.append([recording.message(fact, reached)])
            await api.results.handled()
            if reached == 1:
                # Whoever follows has had the time to see the first part alone.
                await until(lambda: _has_words(client, media_id), "the first part")
        grown, told = await followers
        assert grown == sorted(grown)
        assert told[-1][0] == "completed"
        assert grown[-1] == told[-1][1] > 0


async def _has_words(client: AsyncClient, media_id: str) -> bool:
    return bool((await client.transcript(media_id)).segments)


async def test_there_is_no_stream_of_what_failed_or_is_not_there(api: WholeApi, tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(wav(2.0))
    async with AsyncClient(api.url) as client:
        media_id = await client.upload(tmp_path / "call.wav")
        recording = Recording(media_id=media_id)
        await api.results.append([recording.message(recording.failed("normalise", reason="It is silent."), 1)])
        with pytest.raises(Invalid, match="It is silent"):
            [one async for one in client.stream(media_id)]
        with pytest.raises(NotFound), Client(api.url) as other:
            await asyncio.to_thread(lambda: list(other.stream("0" * 26)))


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, Invalid, "POLYVOX_API_KEY"),
        (403, Invalid, "What to do."),
        (404, NotFound, "What to do."),
        (413, Invalid, "What to do."),
        (415, Invalid, "What to do."),
        (429, Transient, "What to do."),
        (503, Transient, "What to do."),
    ],
)
def test_every_refusal_says_what_to_do(status: int, kind: type[Exception], said: str) -> None:
    problem = {"title": "No", "detail": "What to do.", "code": "no"}
    with pytest.raises(kind, match=said):
        calls.checked(httpx.Response(status, json=problem, headers={"Retry-After": "7"}))
