"""Many objects dropped at once, by a client that knows nothing of Polyvox: each a recording, none twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from infra.native import Kafka
from polyvox import topics
from polyvox.errors import Transient
from polyvox.ports import EventLog, Message
from tests.support.bulk import PREFIX, bulk
from tests.support.polling import until
from tests.support.reading import records_of

OBJECTS = 240
"""benchmarks/bulk.py does the same with 5,000 and says how long it takes."""


@pytest.mark.timeout(600)
async def test_dropped_objects_become_recordings_none_twice_none_lost(tmp_path: Path, kafka_server: Kafka) -> None:
    """Notifications are repeated, lost and never sent; watchers are killed, and two run at once."""
    numbers = range(OBJECTS)
    first, while_dead, untold, rest = numbers[:100], numbers[100:140], numbers[140:180], numbers[180:]
    async with bulk(tmp_path, kafka_server) as here:
        here.listen(on=True)
        with here.watcher() as killed:
            dropping = asyncio.create_task(asyncio.to_thread(here.drop, first))
            await until(lambda: _at_least(here.announced_count, 20), deadline_s=90.0)
            killed.kill()
            await dropping
        await asyncio.to_thread(here.drop, while_dead)
        await until(lambda: _at_least(here.notified_count, 140), deadline_s=90.0)
        told = await records_of(here.log, topics.BUCKET_EVENTS.name)
        assert await here.lose_notifications() >= 140
        await here.log.append([Message(topics.BUCKET_EVENTS.name, record.key, record.value) for record in told[:40]])
        with here.watcher() as one, here.watcher("another") as another:
            here.listen(on=False)
            await asyncio.to_thread(here.drop, untold)
            here.listen(on=True)
            await asyncio.to_thread(here.drop, rest)
            await until(lambda: _at_least(here.announced_count, OBJECTS), deadline_s=240.0)
            await here.log.append([Message(topics.BUCKET_EVENTS.name, record.key, record.value) for record in told])
            await until(lambda: _is_read(here.log), deadline_s=120.0)
            assert (one.poll(), another.poll()) == (None, None), "both are at work"
        announced = await here.announced()
        assert len(announced) == OBJECTS
        assert set(announced.values()) == {1}, "none twice"
        assert await here.objects() == {f"{PREFIX}{number:06d}.wav" for number in numbers}


async def _at_least(count: Callable[[], Awaitable[int]], least: int) -> bool:
    # Asking all the time would cost the servers more than the watchers do.
    await asyncio.sleep(0.2)
    try:
        return await count() >= least
    except Transient:
        return False


async def _is_read(log: EventLog) -> bool:
    return sum((await log.lag("bucket-watcher", [topics.BUCKET_EVENTS.name])).values()) == 0
