"""What every EventLog keeps to: consumer groups. Rebalances take time, so everything polls with deadlines."""

from __future__ import annotations

import asyncio
import time

import pytest

from polyvox.errors import Fenced
from polyvox.ports import Consumer, EventLog, Message, TopicPartition
from tests.ports.conftest import LogWorld
from tests.support.consuming import Listener, collect, nothing_more
from tests.support.polling import until


async def fill(log: EventLog, topic: str, count: int, *, keys: int = 50) -> None:
    await log.append([Message(topic, f"key-{i % keys}", str(i).encode()) for i in range(count)])


async def settled(logs: LogWorld, partitions: int, *consumers: Consumer) -> None:
    """Wait until the consumers hold ``partitions`` partitions among them, each at least one."""

    def all_dealt() -> bool:
        owned = [consumer.assignment() for consumer in consumers]
        return all(owned) and sum(map(len, owned)) == len(frozenset().union(*owned)) == partitions

    await until(all_dealt, deadline_s=logs.patience_s)


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
    await settled(logs, 1, consumer)
    start_s = time.monotonic()
    assert await consumer.getmany(timeout_ms=300) == {}
    assert 0.25 < time.monotonic() - start_s < 5.0


async def test_a_parked_poll_wakes_when_another_client_appends(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    await settled(logs, 1, consumer)
    parked = asyncio.create_task(consumer.getmany(timeout_ms=60_000))
    await nothing_more_of(parked)
    await (await logs.open()).append([Message(topic, "k", b"now")])
    async with asyncio.timeout(logs.patience_s):
        batch = await parked
    assert [record.value for record in batch[TopicPartition(topic, 0)]] == [b"now"]


async def nothing_more_of(parked: asyncio.Task[object]) -> None:
    """The task has begun to wait and goes on waiting."""
    done, _ = await asyncio.wait([parked], timeout=0.1)
    assert not done


async def test_members_share_the_partitions_evenly(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=7), logs.group()
    other = await logs.open()
    members = [await client.subscribe(group, [topic], member=f"m{i}") for i, client in enumerate((log, other, other))]
    await settled(logs, 7, *members)
    assert sorted(len(member.assignment()) for member in members) == [2, 2, 3]
    await fill(log, topic, 70)
    found = await asyncio.gather(*(poll_for(member, logs) for member in members))
    assert sorted(value for values in found for value in values) == list(range(70))


async def poll_for(consumer: Consumer, logs: LogWorld) -> list[int]:
    """The values that come to one member until its partitions hold no more."""
    values: list[int] = []
    while batch := await consumer.getmany(timeout_ms=1000):
        values += [int(record.value) for records in batch.values() for record in records]
    return values


async def test_more_members_than_partitions_leaves_some_without(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log), logs.group()
    listeners = [Listener(), Listener()]
    members = [await log.subscribe(group, [topic], member=f"m{i}", listener=listeners[i]) for i in range(2)]
    await until(lambda: sorted(len(member.assignment()) for member in members) == [0, 1], deadline_s=logs.patience_s)
    await fill(log, topic, 3)
    (owner,) = (member for member in members if member.assignment())
    assert len(await collect(owner, 3, deadline_s=logs.patience_s)) == 3


async def test_nobody_gets_a_partition_before_its_owner_has_let_go(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    revoking, let_go = asyncio.Event(), asyncio.Event()
    committed: list[TopicPartition] = []

    async def finish_work(revoked: frozenset[TopicPartition]) -> None:
        revoking.set()
        await let_go.wait()
        await first.commit(dict.fromkeys(revoked, 5))
        committed.extend(revoked)

    listener = Listener(when_revoked=finish_work)
    await fill(log, topic, 20)
    first = await log.subscribe(group, [topic], member="m1", listener=listener)
    await collect(first, 20, deadline_s=logs.patience_s)
    pump = asyncio.create_task(first.getmany(timeout_ms=60_000))
    newcomer = Listener()
    second = await (await logs.open()).subscribe(group, [topic], member="m2", listener=newcomer)
    async with asyncio.timeout(logs.patience_s):
        await revoking.wait()
    assert await second.getmany(timeout_ms=300) == {}
    assert second.assignment() == frozenset()
    assert newcomer.heard("assigned") == []
    let_go.set()
    await settled(logs, 2, first, second)
    assert len(committed) == 2
    (got,) = newcomer.heard("assigned")
    assert got == second.assignment()
    # What was committed while letting go is where the new owner starts.
    assert (await collect(second, 1, deadline_s=logs.patience_s))[0].offset == 5
    await first.stop()
    async with asyncio.timeout(logs.patience_s):
        await pump


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
    await nothing_more_of(parked)
    consumer.resume(held)
    async with asyncio.timeout(logs.patience_s):
        batch = await parked
    assert [record.offset for record in batch[held]] == list(range(ends[held][1]))


async def test_pauses_are_lost_when_partitions_are_dealt_again(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    listener = Listener()
    first = await log.subscribe(group, [topic], member="m1", listener=listener)
    await settled(logs, 2, first)
    first.pause(*first.assignment())
    second = await log.subscribe(group, [topic], member="m2")
    await settled(logs, 2, first, second)
    await fill(log, topic, 40)
    assert await collect(first, 1, deadline_s=logs.patience_s)


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


async def test_stop_ends_a_parked_poll_and_hands_the_partitions_on(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    first = await log.subscribe(group, [topic], member="m1")
    second = await (await logs.open()).subscribe(group, [topic], member="m2")
    await settled(logs, 2, first, second)
    parked = asyncio.create_task(first.getmany(timeout_ms=60_000))
    await nothing_more_of(parked)
    async with asyncio.timeout(logs.patience_s):
        await first.stop()
        assert await parked == {}
    await first.stop()
    assert await first.getmany(timeout_ms=10) == {}
    await until(lambda: len(second.assignment()) == 2, deadline_s=logs.patience_s)


async def test_who_does_not_own_a_partition_cannot_commit_it(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    first = await log.subscribe(group, [topic], member="m1")
    await settled(logs, 2, first)
    second = await (await logs.open()).subscribe(group, [topic], member="m2")
    await settled(logs, 2, first, second)
    (lost,) = second.assignment()
    (kept,) = first.assignment()
    with pytest.raises(Fenced):
        await first.commit({lost: 1})
    assert await first.committed(lost) is None
    await first.commit({kept: 1})
    assert await first.committed(kept) == 1


async def test_who_has_left_cannot_commit(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    await settled(logs, 1, consumer)
    await consumer.stop()
    with pytest.raises(Fenced):
        await consumer.commit({TopicPartition(topic, 0): 1})


async def test_a_namesake_takes_over_at_once_and_fences_the_old_one(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=4), logs.group()
    bystander_heard = Listener()
    old = await log.subscribe(group, [topic], member="m1", session_timeout_s=45.0)
    bystander = await log.subscribe(group, [topic], member="m2", listener=bystander_heard)
    await settled(logs, 4, old, bystander)
    before, revoked_before = old.assignment(), len(bystander_heard.heard("revoked"))
    new = await (await logs.open()).subscribe(group, [topic], member="m1", session_timeout_s=45.0)
    await until(new.assignment, deadline_s=logs.patience_s)
    assert new.assignment() == before
    partition = min(before)
    with pytest.raises(Fenced):
        await old.commit({partition: 1})

    async def old_one_knows() -> bool:
        try:
            await old.getmany(timeout_ms=50)
        except Fenced:
            return True
        return False

    await until(old_one_knows, deadline_s=logs.patience_s)
    await new.commit({partition: 2})
    assert await new.committed(partition) == 2
    assert len(bystander_heard.heard("revoked")) == revoked_before
    # The end of the old one does not touch the new one's membership.
    await old.stop()
    await new.commit({partition: 3})


async def test_one_member_reads_several_topics(logs: LogWorld, log: EventLog) -> None:
    one, two = await logs.topic(log, partitions=2), await logs.topic(log, partitions=3)
    consumer = await log.subscribe(logs.group(), [one, two], member="m")
    await settled(logs, 5, consumer)
    await fill(log, one, 10)
    await fill(log, two, 10)
    records = await collect(consumer, 20, deadline_s=logs.patience_s)
    assert {record.topic for record in records} == {one, two}


async def test_members_that_come_and_go_miss_nothing(logs: LogWorld, log: EventLog) -> None:
    """Every record is committed by exactly the member that owned it; what comes twice was not committed."""
    topic, group = await logs.topic(log, partitions=6), logs.group()
    await fill(log, topic, 600, keys=100)
    seen: set[int] = set()
    enough = asyncio.Event()

    async def work(client: EventLog, member: str, polls: int | None) -> None:
        consumer = await client.subscribe(group, [topic], member=member)
        try:
            while not enough.is_set() and polls != 0:
                batch = await consumer.getmany(timeout_ms=100, max_records=20)
                try:
                    await consumer.commit({p: records[-1].offset + 1 for p, records in batch.items()})
                except Fenced:
                    continue
                seen.update(int(record.value) for records in batch.values() for record in records)
                polls = None if polls is None else polls - 1
                if len(seen) == 600:
                    enough.set()
        finally:
            await consumer.stop()

    other = await logs.open()
    async with asyncio.timeout(4 * logs.patience_s), asyncio.TaskGroup() as group_of_workers:
        group_of_workers.create_task(work(log, "stays", None))
        for number in range(3):
            group_of_workers.create_task(work(other, f"goes-{number}", 4))
    assert seen == set(range(600))
    assert sum((await log.lag(group, [topic])).values()) == 0
