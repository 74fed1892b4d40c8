"""What the embedded log keeps, for how long by the clock, and what times it gives."""

from __future__ import annotations

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.embedded_log.partitioner import partition_of
from polyvox.ports import Message, TopicConfig, TopicPartition
from tests.support.consuming import collect
from tests.support.embedded import ONLY, TOPIC, append
from tests.support.turned_clock import TurnedClock


async def test_retention_drops_the_old_and_offsets_go_on_counting(log: EmbeddedLog, clock: TurnedClock) -> None:
    await log.ensure_topics([TopicConfig("for-ever", 1)])
    await log.append([Message("for-ever", "k", b"v")])
    # More than one of retention's transactions drops.
    await append(log, 5000)
    clock.turn(60)
    await append(log, 3)
    clock.turn(40)
    assert await log.enforce_retention() == 0
    clock.turn(1)
    assert await log.enforce_retention() == 5000
    assert await log.bounds(TOPIC) == {ONLY: (5000, 5003)}
    clock.turn(100)
    assert await log.enforce_retention() == 3
    assert await log.bounds(TOPIC) == {ONLY: (5003, 5003)}
    await append(log, 1)
    assert [record.offset for record in await log.read(ONLY, offset=0)] == [5003]
    assert await log.bounds("for-ever") == {TopicPartition("for-ever", 0): (0, 1)}


async def test_a_group_goes_on_at_the_first_record_kept(log: EmbeddedLog, clock: TurnedClock) -> None:
    await append(log, 10)
    consumer = await log.subscribe("g", [TOPIC], member="m", session_timeout_s=1e9)
    await collect(consumer, 10)
    await consumer.commit({ONLY: 4})
    await consumer.stop()
    clock.turn(101)
    await append(log, 2)
    assert await log.enforce_retention() == 10
    assert await log.lag("g", [TOPIC]) == {ONLY: 2}
    again = await log.subscribe("g", [TOPIC], member="m", session_timeout_s=1e9)
    assert [record.offset for record in await collect(again, 2)] == [10, 11]


async def test_compaction_drops_what_is_superseded_and_nothing_else(log: EmbeddedLog, clock: TurnedClock) -> None:
    await log.ensure_topics([TopicConfig("state", 2, retention_s=100.0, compacted=True)])
    await log.append([Message("state", f"key-{i % 10}", str(i).encode()) for i in range(5000)])
    await append(log, 5)
    assert await log.enforce_retention() == 4990
    assert await log.enforce_retention() == 0
    clock.turn(10)
    await log.append([Message("state", "key-3", b"newer")])
    assert await log.enforce_retention() == 1
    kept = {
        record.key: (record.value, record.timestamp_ms)
        for partition in await log.bounds("state")
        for record in await log.read(partition, offset=0)
    }
    assert sorted(value for value, _ in kept.values()) == sorted(
        [b"newer", *(str(4990 + i).encode() for i in range(10) if i != 3)]
    )
    place, newest_ms = TopicPartition("state", partition_of("key-3", 2)), kept["key-3"][1]
    ends = {partition: end for partition, (_, end) in (await log.bounds("state")).items()}
    at = await log.offsets_at("state", newest_ms)
    assert at == ends | {place: ends[place] - 1}
    # What is old goes from other topics only.
    clock.turn(200)
    assert await log.enforce_retention() == 5


async def test_times_come_from_the_clock_and_never_go_back(log: EmbeddedLog, clock: TurnedClock) -> None:
    await append(log, 1)
    clock.turn(50)
    await append(log, 1)
    clock.turn(-20)
    await append(log, 1)
    first, second, third = (record.timestamp_ms for record in await log.read(ONLY, offset=0))
    assert second - first == 50_000
    assert third == second
    assert await log.offsets_at(TOPIC, first + 1) == {ONLY: 1}
    assert await log.offsets_at(TOPIC, second + 1) == {ONLY: 3}
