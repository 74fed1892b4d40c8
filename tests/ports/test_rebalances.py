"""What every EventLog keeps to: who owns what in a group. Rebalances take time, so everything polls with deadlines."""

from __future__ import annotations

import asyncio

import pytest

from polyvox.errors import Fenced
from polyvox.ports import Consumer, EventLog, TopicPartition
from tests.ports.conftest import LogWorld
from tests.support.consuming import Listener, collect, fill, settled, stays_parked
from tests.support.polling import until


async def test_members_share_the_partitions_evenly(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=7), logs.group()
    other = await logs.open()
    members = [await client.subscribe(group, [topic], member=f"m{i}") for i, client in enumerate((log, other, other))]
    await settled(7, *members, deadline_s=logs.patience_s)
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
    await settled(2, first, second, deadline_s=logs.patience_s)
    (got,) = newcomer.heard("assigned")
    assert got == second.assignment() <= frozenset(committed)
    # What was committed while letting go is where the new owner starts.
    assert (await collect(second, 1, deadline_s=logs.patience_s))[0].offset == 5
    await first.stop()
    async with asyncio.timeout(logs.patience_s):
        await pump


async def test_pauses_are_lost_when_partitions_are_dealt_again(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    listener = Listener()
    first = await log.subscribe(group, [topic], member="m1", listener=listener)
    await settled(2, first, deadline_s=logs.patience_s)
    first.pause(*first.assignment())
    second = await log.subscribe(group, [topic], member="m2")
    await settled(2, first, second, deadline_s=logs.patience_s)
    await fill(log, topic, 40)
    assert await collect(first, 1, deadline_s=logs.patience_s)


async def test_stop_ends_a_parked_poll_and_hands_the_partitions_on(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    first = await log.subscribe(group, [topic], member="m1")
    second = await (await logs.open()).subscribe(group, [topic], member="m2")
    await settled(2, first, second, deadline_s=logs.patience_s)
    parked = asyncio.create_task(first.getmany(timeout_ms=60_000))
    await stays_parked(parked)
    async with asyncio.timeout(logs.patience_s):
        await first.stop()
        assert await parked == {}
    await first.stop()
    assert await first.getmany(timeout_ms=10) == {}
    await until(lambda: len(second.assignment()) == 2, deadline_s=logs.patience_s)


async def test_who_does_not_own_a_partition_cannot_commit_it(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=2), logs.group()
    first = await log.subscribe(group, [topic], member="m1")
    await settled(2, first, deadline_s=logs.patience_s)
    second = await (await logs.open()).subscribe(group, [topic], member="m2")
    await settled(2, first, second, deadline_s=logs.patience_s)
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
    await settled(1, consumer, deadline_s=logs.patience_s)
    await consumer.stop()
    with pytest.raises(Fenced):
        await consumer.commit({TopicPartition(topic, 0): 1})


async def test_a_namesake_takes_over_at_once_and_fences_the_old_one(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log, partitions=4), logs.group()
    bystander_heard = Listener()
    old = await log.subscribe(group, [topic], member="m1", session_timeout_s=45.0)
    bystander = await log.subscribe(group, [topic], member="m2", listener=bystander_heard)
    await settled(4, old, bystander, deadline_s=logs.patience_s)
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
