"""The worker loop on the real embedded log: flow, order, commits."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from polyvox import tracing
from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, MediaFailed
from polyvox.errors import Fatal
from polyvox.metrics import COMMIT_STANDSTILL, HANDLER_DURATION, MESSAGES_HANDLED
from polyvox.publish import Publisher
from polyvox.worker.window import LEAST_MESSAGES, Window
from polyvox.worker.worker import BATCH_MAX
from tests.support.worker_bench import STAGE, TOPIC, Bench, Gate, committed, failed, ids, until


async def test_every_message_is_handled_once_and_committed(bench: Bench) -> None:
    gate = Gate()
    await bench.publish(ids(200))
    running = bench.start(gate, concurrency=4)
    await until(bench.no_lag)
    await until(lambda: bool(bench.metrics.values(COMMIT_STANDSTILL, worker=STAGE)))
    await running.stop()
    assert sorted(gate.done) == ids(200)
    assert bench.metrics.count(MESSAGES_HANDLED, worker=STAGE) == 200
    assert len(bench.metrics.values(HANDLER_DURATION, worker=STAGE)) == 200


async def test_a_handler_that_outlasts_every_time_out_keeps_its_partitions(tmp_path: Path) -> None:
    bench = await Bench.make(tmp_path / "log", partitions=6)
    try:
        handled: list[str] = []

        async def slow(envelope: Envelope[Any]) -> None:
            await asyncio.sleep(3.5)
            handled.append(envelope.data.media_id)

        first = bench.start(slow, member="one", session_timeout_s=1.0, concurrency=6)
        second = bench.start(slow, member="two", session_timeout_s=1.0, concurrency=6, log=bench.another_log())
        await bench.publish(ids(6))
        await until(bench.no_lag)
        await first.stop()
        await second.stop()
        assert sorted(handled) == ids(6)
    finally:
        await bench.close()


async def test_up_to_n_are_in_flight_but_never_two_of_one_key(bench: Bench) -> None:
    at_once: Counter[str] = Counter()
    most = 0
    order: dict[str, list[str]] = {}

    async def handler(envelope: Envelope[Any]) -> None:
        nonlocal most
        media_id = envelope.data.media_id
        at_once[media_id] += 1
        assert at_once[media_id] == 1
        most = max(most, at_once.total())
        await asyncio.sleep(random.random() / 100)
        at_once[media_id] -= 1
        order.setdefault(media_id, []).append(envelope.id)

    for _ in range(10):
        await bench.publish(ids(6))
    bench.start(handler, concurrency=3, attempts=1)
    await until(bench.no_lag)
    assert most == 3
    assert {len(events) for events in order.values()} == {10}
    assert not await bench.dead_letters()


async def test_a_worker_gets_more_places_at_once_and_gives_them_up_as_work_ends(bench: Bench) -> None:
    begun: list[str] = []
    finish = asyncio.Semaphore(0)

    async def handler(envelope: Envelope[Any]) -> None:
        begun.append(envelope.data.media_id)
        await finish.acquire()

    await bench.publish(ids(8))
    running = bench.start(handler, concurrency=1)
    await until(lambda: len(begun) == 1)
    running.worker.resize(4)
    await until(lambda: len(begun) == 4)
    running.worker.resize(2)
    for _ in range(2):
        finish.release()
    await asyncio.sleep(0.05)
    assert len(begun) == 4
    finish.release()
    await until(lambda: len(begun) == 5)
    for _ in range(8):
        finish.release()
    await until(bench.no_lag)


async def test_repeats_and_a_shuffled_order_give_the_same_outputs(tmp_path: Path) -> None:
    """Each input three times, in any order: the outputs have as many ids as there are inputs."""
    outputs = []
    for seed in range(2):
        bench = await Bench.make(tmp_path / str(seed), partitions=3)
        publisher = Publisher(bench.log, SystemClock(), "/tests")

        async def handler(envelope: Envelope[Any], publisher: Publisher = publisher) -> None:
            await publisher.publish(failed(envelope))

        inputs = ids(20) * 3
        random.Random(seed).shuffle(inputs)
        await bench.publish(inputs)
        bench.start(handler, concurrency=4)
        await until(bench.no_lag)
        events = await bench.events(MediaFailed.TOPIC)
        outputs.append({event.id: event.data.media_id for event in events})
        assert len(events) == 60
        await bench.close()
    assert outputs[0] == outputs[1]
    assert sorted(outputs[0].values()) == ids(20)


async def test_nothing_unfinished_is_committed_whatever_finishes_behind_it(bench: Bench) -> None:
    gate = Gate("recording-0003")
    await bench.publish(ids(10))
    running = bench.start(gate, concurrency=2)
    await until(lambda: len(gate.done) == 9)
    await until(lambda: committed(bench, 3))
    gate.opened.set()
    await until(bench.no_lag)
    await running.stop()


async def test_a_full_partition_is_paused_and_the_others_go_on(tmp_path: Path) -> None:
    bench = await Bench.make(tmp_path / "log", partitions=2)
    try:
        await bench.publish(ids(600))
        first, second = [
            [record.key for record in await bench.log.read(partition, offset=0, max_records=1000)]
            for partition in sorted(await bench.log.bounds(TOPIC))
        ]
        gate = Gate(*first)
        # A batch may go over the bound, but only one.
        window, most = Window(messages=2 * LEAST_MESSAGES), LEAST_MESSAGES + BATCH_MAX
        running = bench.start(gate, concurrency=600, drain_timeout_s=0.1, window=window)
        await until(lambda: set(second) <= set(gate.done))
        assert LEAST_MESSAGES <= len(gate.began) - len(second) < most < len(first)
        # After a rebalance it begins anew, within the same bound.
        held = len(gate.began) - len(second)
        other = bench.start(Gate(*first), member="zz", log=bench.another_log(), drain_timeout_s=0.1, window=window)
        await until(lambda: len(gate.cancelled) == held and gate.held >= LEAST_MESSAGES)
        gate.opened.set()
        await other.stop()
        await until(bench.no_lag)
        await running.stop()
        assert LEAST_MESSAGES <= gate.most_held < most
    finally:
        await bench.close()


async def test_fatal_stops_the_worker_and_leaves_the_message(bench: Bench) -> None:
    async def fatal(envelope: Envelope[Any]) -> None:
        raise Fatal("the weights are gone")

    await bench.publish(ids(2))
    with pytest.raises(Fatal, match="weights are gone"):
        await bench.start(fatal).task
    assert await bench.lag() == 2
    assert not await bench.dead_letters()


async def test_what_a_handler_publishes_stays_in_the_trace(bench: Bench) -> None:
    root = tracing.new()
    seen: list[tracing.TraceContext | None] = []
    publisher = Publisher(bench.log, SystemClock(), "/tests")

    async def handler(envelope: Envelope[Any]) -> None:
        seen.append(tracing.current())
        await publisher.publish(failed(envelope))

    await bench.publish(["recording-a"], traceparent=root.traceparent)
    bench.start(handler)
    await until(bench.no_lag)
    (record,) = await bench.records(MediaFailed.TOPIC)
    published = tracing.of_headers(record.headers)
    (handling,) = seen
    assert published is not None
    assert handling is not None
    assert published == handling
    assert handling.trace_id == root.trace_id
    assert handling.span_id != root.span_id
