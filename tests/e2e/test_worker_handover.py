"""The worker loop when partitions change hands: rebalances, stops, namesakes."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from polyvox.contracts import Envelope
from polyvox.errors import Fatal, Transient
from polyvox.ports import TopicPartition
from polyvox.worker.window import LEAST_MESSAGES, Window
from tests.support.troubled_log import TroubledLog
from tests.support.turned_clock import TurnedClock
from tests.support.worker_bench import TOPIC, Bench, Gate, committed, ids, until


async def test_what_is_full_is_paused_again_after_each_assignment(bench: Bench) -> None:
    log = TroubledLog(bench.log)
    gate = Gate(*ids(100))
    await bench.publish(ids(100))
    running = bench.start(gate, log=log, concurrency=100, window=Window(messages=LEAST_MESSAGES))
    await until(lambda: len(gate.began) >= LEAST_MESSAGES)
    (consumer,) = log.consumers
    assert consumer.pauses == [TopicPartition(TOPIC, 0)]
    # As after a rebalance in which this member kept its partition: the log forgot the pause.
    await running.worker.on_assigned(consumer.assignment())
    assert consumer.pauses == [TopicPartition(TOPIC, 0)] * 2
    gate.opened.set()
    await until(bench.no_lag)


async def test_what_was_finished_out_of_order_is_not_done_again_when_its_partition_comes_back(bench: Bench) -> None:
    log = TroubledLog(bench.log)
    gate = Gate("recording-0001")
    await bench.publish(ids(20))
    running = bench.start(gate, log=log, concurrency=2, drain_timeout_s=0.1)
    await until(lambda: len(gate.done) == 19)
    (consumer,) = log.consumers
    owned = consumer.assignment()
    # As in a rebalance in which this member kept its partition: it reads on from what is committed.
    await running.worker.on_revoked(owned)
    await running.worker.on_assigned(owned)
    consumer.resume(*owned)
    consumer.seek(TopicPartition(TOPIC, 0), 1)
    await until(lambda: gate.began.count("recording-0001") == 2)
    gate.opened.set()
    await until(bench.no_lag)
    assert sorted(gate.began) == sorted([*ids(20), "recording-0001"])


async def test_work_in_flight_may_finish_when_its_partition_is_taken_away(bench: Bench) -> None:
    gate, rest = Gate("recording-0000"), Gate()
    await bench.publish(ids(3))
    first = bench.start(gate, member="zz")
    await until(lambda: gate.began == ["recording-0000"])
    # The one partition goes to the member that is first by name.
    second = bench.start(rest, member="aa", log=bench.another_log())
    await asyncio.sleep(0.3)
    assert not rest.began
    gate.opened.set()
    await until(bench.no_lag)
    assert gate.done == ["recording-0000"]
    assert rest.done == ["recording-0001", "recording-0002"]
    await first.stop()
    await second.stop()


async def test_work_that_does_not_finish_in_time_is_cancelled_and_not_committed(bench: Bench) -> None:
    gate, rest = Gate("recording-0000"), Gate()
    await bench.publish(ids(3))
    bench.start(gate, member="zz", drain_timeout_s=0.3)
    await until(lambda: gate.began == ["recording-0000"])
    bench.start(rest, member="aa", log=bench.another_log())
    await until(bench.no_lag)
    assert gate.cancelled == ["recording-0000"]
    assert gate.done == []
    assert rest.done == ids(3)


async def test_a_stop_lets_work_in_flight_finish_and_hands_back_the_rest(bench: Bench) -> None:
    gate, rest = Gate("recording-0000"), Gate()
    await bench.publish(ids(3))
    first = bench.start(gate)
    await until(lambda: gate.began == ["recording-0000"])
    first.stopping.set()
    await asyncio.sleep(0.1)
    assert not first.task.done()
    gate.opened.set()
    await first.stop()
    assert gate.began == ["recording-0000"]
    assert await committed(bench, 1)
    second = bench.start(rest)
    await until(bench.no_lag)
    assert rest.done == ["recording-0001", "recording-0002"]
    await second.stop()


async def test_a_stop_hands_back_what_does_not_finish_in_time(bench: Bench) -> None:
    clock = TurnedClock()
    gate, rest = Gate("recording-0000"), Gate()
    await bench.publish(ids(2))
    first = bench.start(gate, clock=clock, concurrency=2, drain_timeout_s=25.0)
    await until(lambda: gate.done == ["recording-0001"])
    first.stopping.set()
    await until(lambda: 25.0 in clock.sleeping)
    clock.turn(25.0)
    await first.stop()
    assert gate.cancelled == ["recording-0000"]
    assert await committed(bench, 0)
    bench.start(rest)
    await until(bench.no_lag)
    assert rest.done == ids(2)


async def test_a_stop_does_not_wait_for_delays_between_attempts(bench: Bench) -> None:
    clock = TurnedClock()

    async def stumbling(envelope: Envelope[Any]) -> None:
        raise Transient("not now")

    await bench.publish(ids(1))
    running = bench.start(stumbling, clock=clock, retry_base_s=1000.0, retry_max_s=1000.0)
    await until(lambda: len(clock.sleeping) == 1)
    await running.stop()
    assert await bench.lag() == 1
    assert not clock.sleeping


async def test_a_worker_whose_name_was_taken_over_ends(bench: Bench) -> None:
    first = bench.start(Gate(), member="one")
    await bench.publish(ids(1))
    await until(bench.no_lag)
    second = bench.start(Gate(), member="one", log=bench.another_log())
    with pytest.raises(Fatal, match="another process works as member one"):
        await first.task
    await bench.publish(ids(1))
    await until(bench.no_lag)
    await second.stop()


async def test_nothing_is_lost_while_members_come_and_go(tmp_path: Path) -> None:
    bench = await Bench.make(tmp_path / "log", partitions=6)
    chance = random.Random(7)
    handled: Counter[str] = Counter()

    async def handler(envelope: Envelope[Any]) -> None:
        await asyncio.sleep(chance.random() / 50)
        if chance.random() < 0.1:
            raise Transient("now and then")
        handled[envelope.data.media_id] += 1

    try:
        staying = bench.start(handler, member="m0", concurrency=4, attempts=50)
        for turn in range(1, 6):
            await bench.publish(f"turn-{turn}-{number:03d}" for number in range(80))
            visitor = bench.start(
                handler,
                member=f"m{turn}",
                concurrency=4,
                attempts=50,
                log=bench.another_log(),
                # Some leave in order, some have their work cancelled.
                drain_timeout_s=chance.choice([0.0, 5.0]),
            )
            reached = len(handled) + 40
            await until(lambda reached=reached: len(handled) >= reached)  # type: ignore[misc]
            await visitor.stop()
        await until(bench.no_lag)
        await staying.stop()
        assert len(handled) == 400
        assert not await bench.dead_letters()
    finally:
        await bench.close()
