"""Several projections in processes of their own on one database lose no event and tell nothing differently twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from polyvox.contracts import MediaCompleted, MediaFailed
from results_api.view.fold import fold_all
from tests.support.databases import Place
from tests.support.results import Results, distinct, results, until
from tests.support.stages import START, Recording

pytestmark = pytest.mark.chaos

START_S = 120.0
MIGRATING = """
import asyncio, sys
from results_api.database.migrate import migrate
asyncio.run(migrate(sys.argv[1]))
"""


@contextlib.asynccontextmanager
async def projecting(place: Place, member: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as it is deployed."""
    told = {"DATA_DIR": str(place.data_dir), "MEMBER": member, "LOG_LEVEL": "warning", "PORT": "0"}
    if place.database:
        told["DATABASE"] = place.database
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "polyvox.cli", "run", "projection",
        env={**os.environ, **{f"POLYVOX_{name}": value for name, value in told.items()}},
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 60)


async def some_are_known(world: Results, recordings: Sequence[Recording]) -> bool:
    return bool(await world.database.revisions(recording.media_id for recording in recordings))


async def test_two_projections_and_one_that_is_killed_lose_and_double_nothing(place: Place) -> None:
    chance = random.Random(4)
    recordings = [Recording(parts=2 + n % 5, uploaded_at=START + timedelta(seconds=n)) for n in range(16)]
    async with results(place) as world:
        for recording in recordings:
            await recording.store_all(world.store)
        messages = [message for recording in recordings for message in recording.messages()]
        messages += chance.sample(messages, len(messages) // 3)
        chance.shuffle(messages)
        await world.append(messages[: len(messages) // 2])
        async with projecting(place, "one"), projecting(place, "two") as doomed:
            # Three processes start, on a machine that may be busy.
            await until(lambda: some_are_known(world, recordings), "the projections to begin", within_s=START_S)
            doomed.kill()
            await world.append(messages[len(messages) // 2 :])
            async with projecting(place, "two"):
                await world.becomes("completed", *(recording.media_id for recording in recordings), within_s=START_S)
                await world.handled()
        for recording in recordings:
            stored = await world.database.get(recording.media_id)
            assert stored is not None
            events = [recording.event(fact, second) for second, fact in enumerate(recording.facts)]
            assert stored.view == fold_all(events)
            assert await world.database.plans(recording.media_id) == []
        told = distinct(await world.told(MediaCompleted))
        assert {media_id: len(ids) for media_id, ids in told.items()} == {one.media_id: 1 for one in recordings}
        assert not await world.told(MediaFailed)


async def test_processes_that_start_at_once_migrate_once(new_place: Place) -> None:
    async def start() -> int:
        url = new_place.settings.database_url
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATING, url)
        return await asyncio.wait_for(process.wait(), 120)

    assert await asyncio.gather(*(start() for _ in range(3))) == [0, 0, 0]
    recording = Recording()
    async with results(new_place) as world:
        await world.projection().handle(recording.event(recording.upload))
        # On what is there they find nothing to do.
        assert await asyncio.gather(*(start() for _ in range(2))) == [0, 0]
        assert await world.status(recording.media_id) == "queued"
