"""The projection is killed at every step of a publication; what comes out is the same every time."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys

import pytest

from polyvox import keys
from polyvox.contracts import MediaCompleted, SegmentPublished
from tests.support.databases import Place
from tests.support.results import distinct, results
from tests.support.stages import Recording

pytestmark = pytest.mark.chaos

RECORDING = Recording(media_id="killed-again-and-again")
AT_ONCE = 2


async def test_kill_9_at_any_step_leaves_one_completion_and_the_same_bytes(place: Place) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def attempt(step: int) -> tuple[int, bytes]:
        async with slots:
            return await _kill_and_restart(place.beside(f"step-{step}"), step)

    outcomes: list[tuple[int, bytes]] = []
    for first in itertools.count(1, AT_ONCE):
        outcomes += await asyncio.gather(*(attempt(step) for step in range(first, first + AT_ONCE)))
        if outcomes[-1][0] == 0:
            break
    statuses = [status for status, _ in outcomes]
    killed = statuses.index(0)
    assert statuses[:killed] == [-signal.SIGKILL] * killed
    # At least: a change, a plan read, an object, two appends, another change.
    assert killed >= 6
    assert len({body for _, body in outcomes}) == 1


async def _kill_and_restart(place: Place, step: int) -> tuple[int, bytes]:
    """The status the first projection ended with, and the result that the second one leaves."""
    async with results(place) as world:
        await RECORDING.store_all(world.store)
        for second, fact in enumerate(RECORDING.facts[:-1]):
            await world.projection().handle(RECORDING.event(fact, second))
        await world.append([RECORDING.message(RECORDING.facts[-1], 9)])
        arguments = [str(place.data_dir), str(step), *([place.database] if place.database else [])]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.doomed_projection", *arguments
        )
        status = await asyncio.wait_for(process.wait(), 120)
        async with world.projecting():
            await world.handled()
        await world.becomes("completed", RECORDING.media_id)
        assert await world.database.plans(RECORDING.media_id) == []
        completed = await world.told(MediaCompleted)
        assert len(distinct(completed)[RECORDING.media_id]) == 1
        assert len({envelope.data.model_dump_json() for envelope in completed}) == 1
        segments = await world.told(SegmentPublished)
        assert len({envelope.id for envelope in segments}) == segments[0].data.segment_count
        return status, await world.store.get(keys.result(RECORDING.media_id, 1))
