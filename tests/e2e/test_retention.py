"""Age removes audio, then text: as events, once, and nothing that is younger, unfinished or another tenant's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from polyvox import keys
from polyvox.contracts import AudioRemoved, MediaDeleted
from polyvox.publish import Publisher
from polyvox.settings.retention import TenantRetention
from results_api.database.connections import transaction
from results_api.database.database import to_remove
from results_api.database.tables import AUDIO_TO_REMOVE, TO_REMOVE
from results_api.projection.audio_removal import AudioRemoval
from results_api.projection.deletion import Deletion
from results_api.retention import due
from results_api.retention.limits import Limits
from results_api.retention.sweep import Retention
from tests.support.databases import Place
from tests.support.faulty import FaultyStore
from tests.support.results import Results, completed, is_problem, results, running
from tests.support.stages import START, Recording
from tests.support.turned_clock import TurnedClock

DAY_S = 86_400.0


def retention(world: Results, limits: Limits, *, days: float = 0.0, page: int = 200) -> Retention:
    """A sweep as it is ``days`` after START."""
    clock = TurnedClock(START + timedelta(days=days))
    tools = (world.database, world.store, Publisher(world.runtime.log, clock, "/tests"), clock)
    return Retention(world.database, Deletion(*tools), AudioRemoval(*tools), clock, limits, page=page)


async def test_audio_goes_by_age_and_the_result_stays(place: Place) -> None:
    old, young = Recording(), Recording(uploaded_at=START + timedelta(days=20))
    async with running(place) as (world, client):
        await completed(world, old, young)
        path = f"/v1/media/{old.media_id}"
        before = (await client.get(f"{path}/transcript")).json()
        sweep = retention(world, Limits(audio_days=30), days=30.5)
        for expected in (1, 0):
            assert (await sweep.once()).removed == {"audio": expected, "text": 0}
        await world.handled()
        left = {keys.words(old.media_id, part, "a" * 12) for part in (0, 1)}
        left |= {keys.diarization(old.media_id, "b" * 12), keys.result(old.media_id, 1)}
        assert set(await world.objects(old.media_id)) == left | {keys.upload_manifest(old.media_id)}
        assert len(await world.objects(young.media_id)) > len(left) + 1
        (told,) = await world.told(AudioRemoved)
        assert (told.data.media_id, told.data.reason) == (old.media_id, "retention")
        assert await world.told(MediaDeleted) == []
        for gone in ("audio", "peaks"):
            problem = is_problem(await client.get(f"{path}/{gone}"), 410, "audio-removed")
            assert f"{path}/transcript" in problem["detail"]
        assert (await client.get(f"{path}/transcript")).json() == before
        shown = (await client.get(path)).json()
        assert (shown["status"], shown["links"]["audio"], shown["removed_because"]) == ("completed", None, "retention")
        items = {item["media_id"]: item for item in (await client.get("/v1/media")).json()["items"]}
        assert items[old.media_id]["audio_removed_at"] == shown["audio_removed_at"] == "2026-04-01T00:00:00Z"
        assert items[young.media_id]["audio_removed_at"] is None


async def test_with_the_text_everything_goes(place: Place) -> None:
    recording = Recording()
    async with running(place) as (world, client):
        await completed(world, recording)
        assert (await retention(world, Limits(audio_days=10), days=20).once()).removed["audio"] == 1
        sweep = retention(world, Limits(audio_days=10, text_days=30), days=31)
        for expected in (1, 0):
            assert (await sweep.once()).removed == {"audio": 0, "text": expected}
        await world.handled()
        assert await world.objects(recording.media_id) == []
        assert [envelope.data.reason for envelope in await world.told(MediaDeleted)] == ["retention"]
        shown = (await client.get(f"/v1/media/{recording.media_id}")).json()
        assert (shown["status"], shown["removed_because"]) == ("deleted", "retention")
        assert (await client.get("/v1/search", params={"q": "question"})).json()["items"] == []


async def test_each_tenant_has_its_own_limits_and_unfinished_recordings_stay(place: Place) -> None:
    async with results(place) as world, world.projecting():
        by_tenant = {tenant: Recording() for tenant in ("acme", "forever", "other")}
        unfinished = Recording()
        for tenant, recording in by_tenant.items():
            await recording.store_all(world.store)
            facts = [fact.model_copy(update={"tenant": tenant}) for fact in recording.facts]
            await world.append(recording.messages(facts))
        await unfinished.store_all(world.store)
        await world.append(unfinished.messages(unfinished.facts[:-1]))
        await world.becomes("completed", *(recording.media_id for recording in by_tenant.values()))
        await world.handled()
        limits = Limits(
            text_days=100,
            tenants={"acme": TenantRetention(audio_days=1, text_days=5), "forever": TenantRetention(text_days=None)},
        )
        assert await due.tenants(world.database) == ["acme", "forever", "other"]
        swept = await retention(world, limits, days=50).once()
        assert swept.removed == {"audio": 0, "text": 1}
        assert swept.overdue_s["text"] == 45 * DAY_S
        assert (await retention(world, limits, days=1000).once()).removed == {"audio": 0, "text": 1}
        states = {tenant: await world.status(recording.media_id) for tenant, recording in by_tenant.items()}
        assert states == {"acme": "deleted", "forever": "completed", "other": "deleted"}
        assert await world.status(unfinished.media_id) == "processing"
        assert keys.original(unfinished.media_id) in await world.objects(unfinished.media_id)


async def test_a_removal_that_was_cut_short_is_finished_whatever_the_limits_are_by_then(place: Place) -> None:
    recording = Recording()
    async with results(place) as world:
        async with world.projecting():
            await completed(world, recording)
        sweep = retention(world, Limits(audio_days=1), days=2)
        broken = FaultyStore(world.store)
        broken.faults.fail("delete", matching="audio.flac")
        sweep.audio = replace(sweep.audio, store=broken)
        assert (await sweep.once()).put_off == 1
        assert await world.told(AudioRemoved) == []
        assert keys.audio(recording.media_id) in await world.objects(recording.media_id)
        await world.projection().sweep()
        assert [
            info for info in await world.objects(recording.media_id) if keys.is_sound(recording.media_id, info)
        ] == []
        assert len(await world.told(AudioRemoved)) == 1
        known = await world.database.get(recording.media_id)
        assert known is not None
        assert known.removed


async def test_what_is_due_or_half_removed_is_found_by_an_index_of_nothing_else(place: Place) -> None:
    """However much is kept, or gone already, nothing of it is read."""
    asked = {
        "recordings_by_audio_age": due.page_query("audio", "acme", START, limit=10),
        "recordings_by_age": due.page_query("text", "acme", START, limit=10),
        "recordings_to_remove": to_remove(TO_REMOVE, START),
        "recordings_audio_to_remove": to_remove(AUDIO_TO_REMOVE, START),
    }
    async with results(place) as world:
        for index, query in asked.items():
            assert index in await plan(world, query)
        assert "recordings_by_age" in await plan(world, due.tenants_query())


async def plan(world: Results, query: sa.Select[Any]) -> str:
    dialect = world.database.engine.dialect
    sql = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    async with transaction(world.database.engine) as connection:
        if dialect.name == "sqlite":
            return " ".join(row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
        # An empty table is read as a whole, whatever indexes it has.
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return " ".join(row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {sql}"))
