"""Faults of the log's readers: members that come and go, events that come again and in another order."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from contextlib import ExitStack
from random import Random

from polyvox import topics
from polyvox.ports import EventLog, Message
from tests.chaos.faults.ends import GROUPS
from tests.chaos.faults.fault import Scene
from tests.support.reading import records_of

STORMY = ("projection", "normaliser", "transcriber", "diarizer")
AT_ONCE = 4
LIVES_S = (3.0, 10.0)
COPIES = 150
"""Each is work: a decoded recording is decoded again."""


async def storm(scene: Scene) -> None:
    """More workers of every kind join, and leave or are killed after a few seconds, so that no group is at rest."""
    world, chance = scene.world, scene.chance
    over_s = time.monotonic() + world.pace.storm_s
    numbers = itertools.count()

    async def one(first: int) -> None:
        for name in itertools.islice(itertools.cycle(STORMY), first, None):
            if time.monotonic() > over_s:
                return
            with world.extra(name, f"storm-{next(numbers)}") as process:
                await asyncio.sleep(chance.uniform(*LIVES_S))
                if chance.random() < 0.5:
                    process.send_signal(signal.SIGTERM)
                    with ExitStack() as patience:
                        patience.callback(process.kill)
                        await asyncio.to_thread(process.wait)

    async with asyncio.TaskGroup() as group:
        for first in range(AT_ONCE):
            group.create_task(one(first))


async def copies(scene: Scene) -> None:
    """The newest events come again, in any order, also across the recordings' stages; half of them once more."""
    await repeat(scene.world.log, scene.chance, COPIES)
    await repeat(scene.world.log, scene.chance, COPIES // 2)


async def repeat(log: EventLog, chance: Random, count: int) -> None:
    """Append copies of the newest ``count`` events that the product reads, in random order."""
    names = [
        topic.name
        for topic in topics.TOPICS.values()
        # What waits of a tenant is a state, not an event: the newest message counts, whatever it says.
        if not topic.compacted and set(topic.consumers) & set(GROUPS)
    ]
    records = [record for name in names for record in await records_of(log, name)]
    chosen = sorted(records, key=lambda record: record.timestamp_ms)[-count:]
    chance.shuffle(chosen)
    await log.append([Message(record.topic, record.key, record.value, record.headers) for record in chosen])
