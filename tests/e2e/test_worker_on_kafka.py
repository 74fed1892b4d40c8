"""The worker loop on real Kafka: flow, handover, storms of members, processes that die."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.native import Kafka
from polyvox.contracts import Envelope, MediaFailed
from polyvox.errors import Fatal, Transient
from polyvox.metrics import PARTITIONS_ASSIGNED
from polyvox.worker.lag import watch_lag
from tests.support.logs import kafka_address
from tests.support.worker_bench import STAGE, TOPIC, Bench, Gate, Running, ids, until

PATIENCE_S = 120.0


@pytest.fixture
async def bench(kafka_server: Kafka) -> AsyncIterator[Bench]:
    bench = await Bench.make(kafka_address(kafka_server.bootstrap), partitions=6)
    yield bench
    await bench.close()


async def test_every_message_is_handled_once_and_committed(bench: Bench) -> None:
    gate = Gate()
    await bench.publish(ids(200))
    running = bench.start(gate, concurrency=4)
    await until(bench.no_lag, PATIENCE_S)
    await running.stop()
    assert sorted(gate.done) == ids(200)
    assert 6 in bench.metrics.values(PARTITIONS_ASSIGNED, worker=STAGE, lane="interactive")


async def test_work_goes_on_where_nothing_moves_and_finishes_where_it_must(bench: Bench) -> None:
    gate, rest = Gate(*ids(60)), Gate()
    await bench.publish(ids(60))
    first = bench.start(gate, concurrency=1000, drain_timeout_s=30.0)
    await until(lambda: len(gate.began) == 60, PATIENCE_S)
    second = bench.start(rest, member="two", log=bench.another_log())
    waves = 0

    async def some_wait() -> bool:
        """Whether the first worker takes on no more of the partitions that have to move."""
        nonlocal waves
        wave = [f"wave-{waves:02d}-{number:02d}" for number in range(24)]
        waves += 1
        await bench.publish(wave)
        # What is not begun after so long was not taken on; what is, is of partitions that stay.
        await asyncio.sleep(1.0)
        return 0 < len(set(wave) & set(gate.done)) < len(wave)

    await until(some_wait, PATIENCE_S)
    assert (gate.cancelled, rest.began) == ([], [])
    gate.opened.set()
    await until(bench.no_lag, PATIENCE_S)
    await first.stop()
    await second.stop()
    assert rest.done
    assert not set(rest.done) & set(gate.done)
    assert len(rest.done) + len(gate.done) == 60 + 24 * waves


def shared(running: Running) -> int:
    """How many partitions a worker has."""
    consumer = running.worker._consumer
    return 0 if consumer is None else len(consumer.assignment())


async def test_the_lag_of_all_workers_adds_up_to_the_groups(bench: Bench) -> None:
    await bench.publish(ids(40))
    members = [
        bench.start(Gate(*ids(40)), member=name, log=bench.another_log(), drain_timeout_s=0.1)
        for name in ("one", "two")
    ]
    await until(lambda: [shared(running) for running in members] == [3, 3], PATIENCE_S)

    async def shown(running: Running) -> int:
        consumer = running.worker._consumer
        assert consumer is not None
        heard: asyncio.Queue[int] = asyncio.Queue()
        watch = watch_lag(
            bench.log, STAGE, [TOPIC], owned=consumer.assignment, observe=lambda _, count: heard.put_nowait(count)
        )
        task = asyncio.create_task(watch)
        count = await heard.get()
        task.cancel()
        return count

    counts = [await shown(running) for running in members]
    assert sum(counts) == 40
    assert min(counts) > 0


async def test_a_worker_whose_name_was_taken_over_ends(bench: Bench) -> None:
    first = bench.start(Gate(), member="one", session_timeout_s=6.0)
    await bench.publish(ids(1))
    await until(bench.no_lag, PATIENCE_S)
    second = bench.start(Gate(), member="one", session_timeout_s=6.0, log=bench.another_log())
    with pytest.raises(Fatal, match="another process works as member one"):
        await first.task
    await bench.publish(ids(2))
    await until(bench.no_lag, PATIENCE_S)
    await second.stop()


async def test_nothing_is_lost_and_each_key_keeps_its_order_while_members_storm(bench: Bench) -> None:
    chance = random.Random(11)
    finished: dict[str, list[datetime]] = {}

    async def handler(envelope: Envelope[Any]) -> None:
        await asyncio.sleep(chance.random() / 50)
        if chance.random() < 0.05:
            raise Transient("now and then")
        times = finished.setdefault(envelope.data.media_id, [])
        # What was handled but not committed in time comes again.
        if envelope.time not in times:
            times.append(envelope.time)

    async def visit(number: int) -> None:
        await asyncio.sleep(chance.random() * 4)
        visitor = bench.start(
            handler,
            member=f"visitor-{number}",
            concurrency=4,
            attempts=50,
            log=bench.another_log(),
            drain_timeout_s=chance.choice([0.0, 5.0]),
        )
        await asyncio.sleep(chance.random() * 4)
        await visitor.stop()

    staying = bench.start(handler, member="staying", concurrency=4, attempts=50)
    storm = asyncio.gather(*(visit(number) for number in range(6)))
    for _ in range(10):
        await bench.publish(f"recording-{number:02d}" for number in range(40))
        await asyncio.sleep(0.3)
    await storm
    await until(bench.no_lag, PATIENCE_S)
    await staying.stop()
    assert not await bench.dead_letters()
    published: dict[str, list[datetime]] = {}
    for event in await bench.events(TOPIC):
        published.setdefault(event.data.media_id, []).append(event.time)
    assert {len(times) for times in published.values()} == {10}
    assert finished == published


async def test_a_crash_between_output_and_commit_repeats_the_output_under_its_old_id(bench: Bench) -> None:
    await bench.publish(ids(2))

    async def start(then: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.interrupted_worker",
            str(bench.path),
            then,
            cwd=Path(__file__).parents[2],
        )

    async def published() -> bool:
        return len(await bench.events(MediaFailed.TOPIC)) == 1

    process = await start("hang")
    await until(published, PATIENCE_S)
    process.kill()
    await process.wait()
    assert await bench.lag() == 2
    # Its namesake does not wait for the end of the dead one's session.
    process = await start("finish")
    async with asyncio.timeout(30.0):
        assert await process.wait() == 0
    assert await bench.lag() == 0
    outputs = Counter(event.id for event in await bench.events(MediaFailed.TOPIC))
    assert sorted(outputs.values()) == [1, 2]
