"""The projection tells how much waits of each tenant, and stops when nothing does."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from polyvox.contracts import Fact, LaneBacklog, TenantBacklog
from polyvox.contracts.media_uploaded import BYTES_PER_S
from polyvox.metrics import BACKLOG_AUDIO, BACKLOG_RECORDINGS, RECORDINGS
from polyvox.publish import Publisher
from results_api.backlog.measuring import Measuring
from results_api.backlog.tallies import tallies
from results_api.backlog.telling import Telling
from results_api.database.connections import transaction
from tests.support.databases import Place
from tests.support.polling import until
from tests.support.reading import told
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.results import Results, results
from tests.support.stages import Recording


def of(fact: Fact, tenant: str, lane: str) -> Any:
    return fact.model_copy(update={"tenant": tenant, "lane": lane})


async def fold(world: Results, recording: Recording, *facts: Fact, tenant: str = "acme", lane: str = "bulk") -> None:
    for second, fact in enumerate(facts):
        await world.projection().handle(recording.event(of(fact, tenant, lane), second))


def telling(world: Results, counters: RecordedMetrics, mine: bool = True) -> Telling:
    runtime = world.runtime
    publisher = Publisher(runtime.log, runtime.clock, "/tests")
    return Telling(
        world.database.engine, runtime.log, publisher, runtime.clock, mine=lambda: mine, measuring=Measuring(counters)
    )


async def newest(world: Results) -> dict[str, TenantBacklog]:
    return {event.data.tenant: event.data for event in await told(world.runtime.log, TenantBacklog)}


async def test_what_waits_is_added_up_by_tenant_lane_and_stage(place: Place) -> None:
    async with results(place) as world:
        counters = RecordedMetrics()
        new, cut, ended = Recording(), Recording(parts=3), Recording()
        await fold(world, new, new.upload, lane="interactive")
        await fold(world, cut, cut.upload, cut.ready, cut.transcribed(1))
        await ended.store_all(world.store)
        await fold(world, ended, *ended.facts, tenant="done")
        await telling(world, counters).once()
        waits = await newest(world)
        assert waits.keys() == {"acme"}
        assert waits["acme"].interactive == LaneBacklog(
            recordings=1, audio_s=round(8 / BYTES_PER_S, 3), counted_to=new.uploaded_at
        )
        assert waits["acme"].bulk == LaneBacklog(recordings=1, audio_s=2 * cut.part_s, counted_to=cut.uploaded_at)
        bulk, calls = {"lane": "bulk", "tenant_class": "standard"}, {"lane": "interactive", "tenant_class": "standard"}
        assert counters.values(BACKLOG_AUDIO, stage="transcribe", **bulk) == [2 * cut.part_s]
        assert counters.values(BACKLOG_AUDIO, stage="diarize", **bulk) == [cut.duration_s]
        assert counters.values(BACKLOG_RECORDINGS, stage="normalise", **calls) == [1]
        assert counters.values(BACKLOG_RECORDINGS, stage="transcribe", **calls) == [0]
        assert counters.values(RECORDINGS, state="queued", **calls) == [1]
        assert counters.values(RECORDINGS, state="processing", **bulk) == [1]


async def test_only_changes_are_told_and_the_end_of_waiting_is_one(place: Place) -> None:
    async with results(place) as world:
        recording = Recording(parts=1)
        await recording.store_all(world.store)
        first, *rest = recording.facts
        await fold(world, recording, first)
        teller = telling(world, RecordedMetrics())
        for _ in range(3):
            await teller.once()
        assert len(await told(world.runtime.log, TenantBacklog)) == 1
        await fold(world, recording, *rest)
        # Another process tells from here on; it knows what was told before.
        await telling(world, RecordedMetrics()).once()
        assert (await newest(world))["acme"].bulk == LaneBacklog()
        await telling(world, RecordedMetrics()).once()
        assert len(await told(world.runtime.log, TenantBacklog)) == 2


async def test_one_process_tells_and_who_does_no_more_shows_nothing(place: Place) -> None:
    async with results(place) as world:
        recording = Recording()
        await fold(world, recording, recording.upload, recording.ready)
        counters, owner = RecordedMetrics(), [True]
        teller = Telling(
            world.database.engine,
            world.runtime.log,
            Publisher(world.runtime.log, world.runtime.clock, "/tests"),
            world.runtime.clock,
            mine=lambda: owner[0],
            measuring=Measuring(counters),
        )
        await teller.once()
        owner[0] = False
        await teller.once()
        await fold(world, recording, recording.transcribed(0))
        await teller.once()
        waiting = counters.values(BACKLOG_AUDIO, stage="transcribe", lane="bulk", tenant_class="standard")
        assert waiting == [recording.duration_s, 0.0]
        assert len(await told(world.runtime.log, TenantBacklog)) == 1


async def test_the_service_tells_by_itself(place: Place) -> None:
    async with results(place) as world, world.projecting():
        recording = Recording()
        await world.runtime.log.append(recording.messages([recording.upload]))

        async def is_told() -> bool:
            return "default" in await newest(world)

        await until(is_told)


async def test_adding_up_looks_at_what_has_not_ended_only(place: Place) -> None:
    async with results(place) as world:
        statements: list[str] = []
        engine = world.database.engine
        sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        await tallies(engine)
        query = next(statement for statement in statements if "GROUP BY" in statement)
        explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
        async with transaction(engine) as connection:
            if engine.dialect.name != "sqlite":
                # With nothing in the table reading it whole is best; the question is whether the index can be used.
                await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = str((await connection.exec_driver_sql(explain + query)).all())
        assert "recordings_by_status" in plan


@pytest.mark.parametrize("lane", ["interactive", "bulk"])
async def test_a_deleted_recording_does_not_wait(place: Place, lane: str) -> None:
    async with results(place) as world:
        recording = Recording()
        await fold(world, recording, recording.upload, recording.ready, lane=lane)
        await world.projection().deletion.delete(recording.media_id)
        assert await tallies(world.database.engine) == []
