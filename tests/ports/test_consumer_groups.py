"""What every EventLog keeps to: consumer groups. Rebalances take time, so everything polls with deadlines."""

from __future__ import annotations

import asyncio
import time

from polyvox.ports import EventLog, Message, TopicPartition
from tests.ports.conftest import LogWorld
from tests.support.consuming import Listener, collect, fill, nothing_more, settled, stays_parked


async def test_a_new_group_starts_at_the_earliest_record(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=3)
    await fill(log, topic, 30)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    records = await collect(consumer, 30, deadline_s=logs.patience_s)
    assert sorted(int(record.value) for record in records) == list(range(30))
    await nothing_more(consumer)


async def test_records_of_a_partition_come_in_order_and_within_the_number_asked_for(
    logs: LogWorld, log: EventLog
) -> None:
    topic = await logs.topic(log, partitions=2)
    await fill(log, topic, 100)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    offsets: dict[TopicPartition, list[int]] = {}
    give_up_s = time.monotonic() + logs.patience_s
    while sum(map(len, offsets.values())) < 100:
        batch = await consumer.getmany(timeout_ms=200, max_records=7)
        assert sum(map(len, batch.values())) <= 7
        for partition, records in batch.items():
            offsets.setdefault(partition, []).extend(record.offset for record in records)
        assert time.monotonic() < give_up_s
    assert len(offsets) == 2
    for found in offsets.values():
        assert found == list(range(len(found)))


async def test_what_was_committed_does_not_come_again(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log), logs.group()
    partition = TopicPartition(topic, 0)
    await fill(log, topic, 10)
    first = await log.subscribe(group, [topic], member="m")
    await collect(first, 10, deadline_s=logs.patience_s)
    assert await first.committed(partition) is None
    await first.commit({partition: 6})
    assert await first.committed(partition) == 6
    await first.stop()
    second = await (await logs.open()).subscribe(group, [topic], member="m")
    assert [record.offset for record in await collect(second, 4, deadline_s=logs.patience_s)] == [6, 7, 8, 9]
    await nothing_more(second)


async def test_groups_do_not_disturb_each_other(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    await fill(log, topic, 5)
    one = await log.subscribe(logs.group(), [topic], member="m")
    two = await log.subscribe(logs.group(), [topic], member="m")
    assert len(await collect(one, 5, deadline_s=logs.patience_s)) == 5
    await one.commit({TopicPartition(topic, 0): 5})
    assert len(await collect(two, 5, deadline_s=logs.patience_s)) == 5
    assert await two.committed(TopicPartition(topic, 0)) is None


async def test_an_empty_poll_waits_as_long_as_it_was_told(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    await settled(1, consumer, deadline_s=logs.patience_s)
    start_s = time.monotonic()
    assert await consumer.getmany(timeout_ms=300) == {}
    assert 0.25 < time.monotonic() - start_s < 30.0


async def test_a_parked_poll_wakes_when_another_client_appends(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    await settled(1, consumer, deadline_s=logs.patience_s)
    parked = asyncio.create_task(consumer.getmany(timeout_ms=60_000))
    await stays_parked(parked)
    await (await logs.open()).append([Message(topic, "k", b"now")])
    async with asyncio.timeout(logs.patience_s):
        batch = await parked
    assert [record.value for record in batch[TopicPartition(topic, 0)]] == [b"now"]


async def test_the_assignment_is_told_before_its_records_come(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    partition = TopicPartition(topic, 0)
    await fill(log, topic, 10)
    told = asyncio.Event()

    async def start_late(assigned: frozenset[TopicPartition]) -> None:
        assert assigned == {partition} == consumer.assignment()
        consumer.seek(partition, 8)
        await asyncio.sleep(0.1)
        told.set()

    consumer = await log.subscribe(logs.group(), [topic], member="m", listener=Listener(when_assigned=start_late))
    records = await collect(consumer, 2, deadline_s=logs.patience_s)
    assert told.is_set()
    assert [record.offset for record in records] == [8, 9]


async def test_a_paused_partition_gives_nothing_until_it_is_resumed(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=2)
    await fill(log, topic, 40)
    held, free = TopicPartition(topic, 0), TopicPartition(topic, 1)
    ends = await log.bounds(topic)

    async def pause_first(assigned: frozenset[TopicPartition]) -> None:
        consumer.pause(held)

    consumer = await log.subscribe(logs.group(), [topic], member="m", listener=Listener(when_assigned=pause_first))
    records = await collect(consumer, ends[free][1], deadline_s=logs.patience_s)
    assert {record.partition for record in records} == {1}
    await nothing_more(consumer)
    parked = asyncio.create_task(consumer.getmany(timeout_ms=60_000))
    await stays_parked(parked)
    consumer.resume(held)
    async with asyncio.timeout(logs.patience_s):
        batch = await parked
    assert [record.offset for record in batch[held]] == list(range(ends[held][1]))


async def test_seek_goes_back_and_forth(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    partition = TopicPartition(topic, 0)
    await fill(log, topic, 10)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    await collect(consumer, 10, deadline_s=logs.patience_s)
    consumer.seek(partition, 3)
    assert [record.offset for record in await collect(consumer, 7, deadline_s=logs.patience_s)] == list(range(3, 10))
    consumer.seek(partition, 9)
    assert [record.offset for record in await collect(consumer, 1, deadline_s=logs.patience_s)] == [9]


async def test_one_member_reads_several_topics(logs: LogWorld, log: EventLog) -> None:
    one, two = await logs.topic(log, partitions=2), await logs.topic(log, partitions=3)
    consumer = await log.subscribe(logs.group(), [one, two], member="m")
    await settled(5, consumer, deadline_s=logs.patience_s)
    await fill(log, one, 10)
    await fill(log, two, 10)
    records = await collect(consumer, 20, deadline_s=logs.patience_s)
    assert {record.topic for record in records} == {one, two}
