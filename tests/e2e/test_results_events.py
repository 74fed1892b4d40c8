"""Progress over server-sent events, with real connections that come, go and come back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from contextlib import AsyncExitStack

import httpx
import httpx_sse
import pytest

from polyvox.client import AsyncClient
from results_api.http.watching import Watcher, Watching
from tests.support.results import Results, until
from tests.support.stages import Recording


async def tell(world: Results, recording: Recording, *numbers: int) -> None:
    """Fold the facts with these numbers."""
    for number in numbers:
        await world.projection().handle(recording.event(recording.facts[number], number))


def steps(seen: Iterable[str]) -> list[str]:
    """``seen`` without repetitions."""
    return [step for step, _ in itertools.groupby(seen)]


def pollers() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "poller of server-sent events"]


async def test_a_client_sees_progress_up_to_completion(world: Results, client: httpx.AsyncClient) -> None:
    recording = Recording(parts=2)
    await recording.store_all(world.store)
    seen: list[httpx_sse.ServerSentEvent] = []
    async with httpx_sse.aconnect_sse(client, "GET", f"/v1/media/{recording.media_id}/events") as source:
        assert source.response.headers["content-type"].startswith("text/event-stream")
        number = 0
        async for event in source.aiter_sse():
            seen.append(event)
            if number < len(recording.facts):
                await tell(world, recording, number)
                number += 1
    # One for the upload's manifest, one for each fact; on a busy machine one more, before the result is out.
    assert len(seen) in (1 + len(recording.facts), 2 + len(recording.facts))
    assert steps(event.event for event in seen) == ["progress", "completed"]
    documents = [event.json() for event in seen]
    assert steps(one["status"] for one in documents) == ["queued", "processing", "completed"]
    progress = [one["progress"] for one in documents]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    ids = [int(event.id) for event in seen]
    assert ids == sorted(set(ids))
    assert documents[-1] == (await client.get(f"/v1/media/{recording.media_id}")).json()


async def test_a_client_that_comes_back_gets_only_what_is_new(world: Results, client: httpx.AsyncClient) -> None:
    recording = Recording(parts=1)
    await recording.store_all(world.store)
    await tell(world, recording, 0, 1)
    path = f"/v1/media/{recording.media_id}/events"
    async with httpx_sse.aconnect_sse(client, "GET", path) as source:
        first = await anext(source.aiter_sse())
    headers = {"Last-Event-ID": first.id}
    async with httpx_sse.aconnect_sse(client, "GET", path, headers=headers) as source:
        events = source.aiter_sse()
        await tell(world, recording, 2)
        second = await anext(events)
    assert second.json()["parts"][0]["status"] == "done"
    await tell(world, recording, 3)
    headers = {"Last-Event-ID": second.id}
    async with httpx_sse.aconnect_sse(client, "GET", path, headers=headers) as source:
        last = [event async for event in source.aiter_sse()]
    assert [event.event for event in last] == ["completed"]
    # A browser connects again after every end; this is how it is told not to.
    assert (await client.get(path, headers={"Last-Event-ID": last[0].id})).status_code == 204


async def test_failure_and_deletion_end_the_stream(world: Results, client: httpx.AsyncClient) -> None:
    failing, deleted = Recording(), Recording()
    for recording in (failing, deleted):
        await tell(world, recording, 0)

    async def ends(recording: Recording) -> list[str]:
        path = f"/v1/media/{recording.media_id}/events"
        async with httpx_sse.aconnect_sse(client, "GET", path) as source:
            return [event.event async for event in source.aiter_sse()]

    async with asyncio.TaskGroup() as group:
        streams = [group.create_task(ends(recording)) for recording in (failing, deleted)]
        await until(_polling, "the streams to be open")
        await world.projection().handle(failing.event(failing.failed("normalise"), 1))
        (await client.delete(f"/v1/media/{deleted.media_id}")).raise_for_status()
    assert [steps(stream.result()) for stream in streams] == [["progress", "failed"], ["progress", "deleted"]]
    assert await ends(deleted) == ["deleted"]


async def test_many_clients_share_one_poller_which_ends_with_the_last(world: Results) -> None:
    recordings = [Recording(parts=1) for _ in range(5)]
    for recording in recordings:
        await tell(world, recording, 0)
    async with world.serving() as client:
        limits = httpx.Limits(max_connections=200)
        async with (
            httpx.AsyncClient(base_url=client.base_url, limits=limits, timeout=60) as many,
            AsyncExitStack() as stack,
        ):
            sources = [
                await stack.enter_async_context(
                    httpx_sse.aconnect_sse(many, "GET", f"/v1/media/{recording.media_id}/events")
                )
                for recording in recordings * 10
            ]
            streams = [source.aiter_sse() for source in sources]
            assert [(await anext(stream)).json()["status"] for stream in streams] == ["queued"] * 50
            assert len(pollers()) == 1
            for recording in recordings:
                await tell(world, recording, 1)
            assert [(await anext(stream)).json()["status"] for stream in streams] == ["processing"] * 50
        await until(_not_polling, "the poller to end")


async def test_a_stopping_process_ends_its_streams(world: Results, client: httpx.AsyncClient) -> None:
    recording = Recording()
    await tell(world, recording, 0)
    path = f"/v1/media/{recording.media_id}/events"
    async with asyncio.timeout(60), httpx_sse.aconnect_sse(client, "GET", path) as source:
        events = source.aiter_sse()
        await anext(events)
        world.runtime.stopping.set()
        assert [event async for event in events] == []


async def test_silence_is_filled_with_heartbeats(
    world: Results, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results_api.http.events.HEARTBEAT_S", 0.05)
    recording = Recording()
    await tell(world, recording, 0)
    async with asyncio.timeout(60), client.stream("GET", f"/v1/media/{recording.media_id}/events") as response:
        heartbeats = 0
        async for line in response.aiter_lines():
            heartbeats += line.startswith(":")
            if heartbeats == 3:
                break


async def test_slow_clients_miss_steps_but_not_the_last(world: Results) -> None:
    recording = Recording(parts=1)
    await recording.store_all(world.store)
    await tell(world, recording, 0)
    watching = Watching(world.database, asyncio.Event(), poll_every_s=0.01)
    with watching.watch(recording.media_id, 1) as watcher:
        await tell(world, recording, 1, 2, 3)
        async with asyncio.timeout(60):
            while await world.status(recording.media_id) != "completed":
                assert await watcher.news()
    assert watching.watched == 0
    await watching.close()


async def test_old_news_is_no_news() -> None:
    watcher = Watcher(3)
    watcher.tell(5)
    watcher.tell(4)
    watcher.tell(5)
    assert await watcher.news()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.news(), 0.05)
    watcher.send_away()
    assert not await watcher.news()


async def test_the_client_library_follows_a_recording_to_its_end(world: Results, client: httpx.AsyncClient) -> None:
    recording = Recording()
    await recording.store_all(world.store)
    async with AsyncClient(str(client.base_url)) as polyvox, asyncio.TaskGroup() as group:
        waiting = group.create_task(polyvox.wait(recording.media_id, timeout_s=60))
        await until(_polling, "the client to wait")
        await tell(world, recording, *range(len(recording.facts)))
        state = await waiting
        assert state.status == "completed"
        assert (await polyvox.transcript(recording.media_id)).status == "completed"
        assert (await polyvox.export(recording.media_id, "vtt")).startswith("WEBVTT")
        assert [one.media_id async for one in polyvox.list(limit=1)] == [recording.media_id]
        await polyvox.delete(recording.media_id)
        assert (await polyvox.get(recording.media_id)).status == "deleted"


async def _polling() -> bool:
    return bool(pollers())


async def _not_polling() -> bool:
    return not pollers()
