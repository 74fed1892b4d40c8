"""Deleting a recording, whatever its state: nothing is left of it but a tombstone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from polyvox.contracts import MediaDeleted, Options
from results_api.database.recording import with_event
from tests.support.databases import Place
from tests.support.results import completed, distinct, is_problem, results, running
from tests.support.stages import START, Recording


async def test_deletion_removes_everything_but_a_tombstone(place: Place) -> None:
    recording = Recording(options=Options(metadata={"case": "17"}))
    async with running(place) as (world, client):
        await completed(world, recording)
        path = f"/v1/media/{recording.media_id}"
        assert len(await world.objects(recording.media_id)) >= 7
        for _ in range(2):
            response = await client.delete(path)
            assert (response.status_code, response.content) == (204, b"")
        await world.handled()
        assert await world.objects(recording.media_id) == []
        assert len(distinct(await world.told(MediaDeleted))[recording.media_id]) == 1
        shown = (await client.get(path)).json()
        assert (shown["status"], shown["filename"], shown["metadata"]) == ("deleted", None, {})
        for gone in ("/transcript", "/audio", "/peaks"):
            is_problem(await client.get(path + gone), 410, "deleted")
        assert (await client.get("/v1/media")).json()["items"] == []
        assert (await client.get("/v1/media", params={"metadata.case": "17"})).json()["items"] == []
        (item,) = (await client.get("/v1/media", params={"status": "deleted"})).json()["items"]
        assert item["media_id"] == recording.media_id
        row = await world.database.get(recording.media_id)
        assert row is not None
        told = row.view.model_dump(exclude_defaults=True, exclude={"owner", "deleted_at"})
        assert told == {"media_id": recording.media_id}


async def test_a_recording_can_be_deleted_while_it_is_in_process(place: Place) -> None:
    recordings = [Recording(parts=4, uploaded_at=START + timedelta(seconds=n)) for n in range(6)]
    async with running(place) as (world, client):
        for recording in recordings:
            await recording.store_all(world.store)

        async def feed(recording: Recording) -> None:
            for message in recording.messages():
                await world.append([message])

        async def delete(recording: Recording, after_s: float) -> None:
            await asyncio.sleep(after_s)
            (await client.delete(f"/v1/media/{recording.media_id}")).raise_for_status()

        await asyncio.gather(
            *(feed(recording) for recording in recordings),
            *(delete(recording, n * 0.03) for n, recording in enumerate(recordings)),
        )
        await world.handled()
        for recording in recordings:
            assert await world.status(recording.media_id) == "deleted"
            assert await world.objects(recording.media_id) == []
            assert await world.database.plans(recording.media_id) == []
        told = distinct(await world.told(MediaDeleted))
        assert {media_id: len(ids) for media_id, ids in told.items()} == {one.media_id: 1 for one in recordings}


async def test_an_upload_can_be_deleted_before_its_event_is_seen(place: Place) -> None:
    recording = Recording()
    async with results(place) as world, world.serving() as client:
        await recording.accept(world.store)
        assert (await client.delete(f"/v1/media/{recording.media_id}")).status_code == 204
        await world.append(recording.messages()[:1])
        async with world.projecting():
            await world.handled()
        assert (await client.get(f"/v1/media/{recording.media_id}")).json()["status"] == "deleted"
        assert await world.objects(recording.media_id) == []


async def test_a_deletion_that_was_cut_short_is_finished_by_the_next(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        event = recording.event(MediaDeleted(media_id=recording.media_id, deleted_at=START), 9)
        await world.database.change(recording.media_id, lambda known: with_event(known, event, START))
        assert await world.objects(recording.media_id) != []
        assert (await client.delete(f"/v1/media/{recording.media_id}")).status_code == 204
        assert await world.objects(recording.media_id) == []
        assert [one.data.deleted_at for one in await world.told(MediaDeleted)] == [START]
