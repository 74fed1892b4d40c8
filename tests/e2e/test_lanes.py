"""Interactive before bulk, and fair shares among tenants, on real workers and real logs.

What is asserted is the order in which work began, not how long it took.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from polyvox import topics
from polyvox.adapters.filesystem import FolderStore
from polyvox.clock import SystemClock
from polyvox.contracts import MediaCompleted
from polyvox.metrics import HELD_MESSAGES
from polyvox.service import Runtime
from polyvox.settings import Settings
from polyvox.worker.window import LEAST_MESSAGES, Window
from results_api.projection.service import PROJECTION
from tests.support.logs import kafka_address, open_log
from tests.support.polling import until
from tests.support.reading import told
from tests.support.stages import Recording
from tests.support.timed_stages import TimedStages

PART_S = 600.0
PLACES = 4
PATIENCE_S = 60.0


@pytest.fixture(params=["embedded", "kafka"])
async def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Runtime]:
    address: str | Path = tmp_path / "log"
    if request.param == "kafka":
        address = kafka_address(request.getfixturevalue("kafka_server").bootstrap)
    log = open_log(address)
    store = FolderStore(tmp_path / "objects")
    try:
        await log.ensure_topics(topics.configs())
        yield Runtime(Settings(data_dir=tmp_path), log, store, SystemClock(), "test")
    finally:
        await store.close()
        await log.close()


@contextlib.asynccontextmanager
async def projecting(runtime: Runtime) -> AsyncIterator[None]:
    assert PROJECTION.prepare is not None
    assert PROJECTION.work is not None
    await PROJECTION.prepare(runtime)
    task = asyncio.create_task(PROJECTION.work(runtime))
    try:
        yield
    finally:
        runtime.stopping.set()
        await task


def archive(count: int, part_s: float = PART_S) -> list[Recording]:
    return [Recording(parts=1, part_s=part_s) for _ in range(count)]


async def all_is_held(stages: TimedStages, worker: str, messages: int, lane: str = "bulk") -> None:
    """The worker has seen everything, and its engines wait."""
    held = stages.metrics.values(HELD_MESSAGES, worker=worker, lane=lane)
    await until(lambda: bool(held) and held[-1] == messages, deadline_s=PATIENCE_S)


async def test_an_interactive_recording_overtakes_two_thousand_minutes_of_bulk(runtime: Runtime) -> None:
    stages = TimedStages(runtime, s_per_audio_s=0.6 / PART_S)
    call = Recording(parts=1, part_s=30.0)
    await stages.arrive(archive(200), "archive", "bulk", whole=True)
    async with projecting(runtime), stages.working(transcribers=PLACES, diarizers=PLACES):
        await all_is_held(stages, "transcriber", 200)
        await all_is_held(stages, "diarizer", 200)
        stages.open.set()
        await until(lambda: len(stages.began("transcriber")) > 3 * PLACES, deadline_s=PATIENCE_S)
        await stages.arrive([call], "support", "interactive", whole=True)

        async def is_completed() -> bool:
            return call.media_id in {event.data.media_id for event in await told(runtime.log, MediaCompleted)}

        await until(is_completed, deadline_s=PATIENCE_S)
        # The bulk that was in its way is what was under way: each place takes on at most one more part before it.
        assert len(stages.between(call.media_id, "transcriber")) <= PLACES
        assert len(stages.between(call.media_id, "diarizer")) <= PLACES
        ended = [one for one in stages.happened if one.what == "ended" and one.tenant == "archive"]
        waiting_s = 200 * PART_S - sum(one.audio_s for one in ended if one.stage == "transcriber")
        assert waiting_s > 1500 * 60
        (event,) = [event for event in await told(runtime.log, MediaCompleted) if event.data.media_id == call.media_id]
        assert (event.data.tenant, event.data.lane) == ("support", "interactive")


@pytest.mark.parametrize("small_part_s", [PART_S, 30.0])
async def test_two_bulk_tenants_share_evenly_however_much_one_of_them_has(
    runtime: Runtime, small_part_s: float
) -> None:
    stages = TimedStages(runtime, s_per_audio_s=0.01 / PART_S)
    works = round(3 * PART_S / small_part_s)
    await stages.arrive(archive(300), "large", "bulk")
    await stages.arrive(archive(works, small_part_s), "small", "bulk")
    async with stages.working(transcribers=PLACES):
        await all_is_held(stages, "transcriber", 300 + works)
        before = len(stages.began("transcriber"))
        stages.open.set()

        def small() -> int:
            return sum(one.tenant == "small" for one in stages.began("transcriber"))

        await until(lambda: small() == works, deadline_s=PATIENCE_S)
    began = stages.began("transcriber")
    last = max(number for number, one in enumerate(began) if one.tenant == "small")
    given = {"large": 0.0, "small": 0.0}
    # Counted from when the worker had seen all, and for as long as both had work.
    for one in began[before : last + 1]:
        given[one.tenant] += one.audio_s
        assert abs(given["large"] - given["small"]) <= PART_S + small_part_s
    assert given["large"] > 0


async def test_bulk_takes_none_of_the_room_of_interactive_work(runtime: Runtime) -> None:
    """More bulk than is held: what is interactive is seen all the same."""
    # Each of the twelve partitions holds its least, which is less than comes.
    stages = TimedStages(runtime, s_per_audio_s=0.0, window=Window(messages=12 * LEAST_MESSAGES))
    calls = [replace(call, parts=3) for call in archive(20, 1.0)]
    await stages.arrive(archive(2000), "archive", "bulk")
    async with stages.working(transcribers=1):
        await until(lambda: bool(stages.began("transcriber")), deadline_s=PATIENCE_S)
        await stages.arrive(calls, "support", "interactive")
        await all_is_held(stages, "transcriber", 60, "interactive")
        assert stages.metrics.values(HELD_MESSAGES, worker="transcriber", lane="bulk")[-1] < 2000
        stages.open.set()
        await until(lambda: len(stages.began("transcriber")) > 61, deadline_s=PATIENCE_S)
    assert [one.tenant for one in stages.began("transcriber")[1:61]] == ["support"] * 60
