"""What only the embedded adapters promise: nothing acknowledged is lost when any process is killed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.errors import Fenced
from polyvox.ports import Message, TopicConfig, TopicPartition
from tests.support.children import Child, child
from tests.support.consuming import collect
from tests.support.polling import until

CHILD = "tests.support.durability_child"
TOPIC = "work"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog(tmp_path / "log")
    await log.ensure_topics([TopicConfig(TOPIC, 3)])
    yield log
    await log.close()


async def values(log: EmbeddedLog) -> dict[TopicPartition, list[str]]:
    """All values by partition; fails if offsets have gaps."""
    found = {}
    for partition, (first, end) in (await log.bounds(TOPIC)).items():
        records = await log.read(partition, offset=first, max_records=1_000_000)
        assert [record.offset for record in records] == list(range(first, end))
        found[partition] = [record.value.decode() for record in records]
    return found


def numbers_of(name: str, by_partition: dict[TopicPartition, list[str]], key: int) -> list[int]:
    return [
        number
        for found in by_partition.values()
        for sender, _, digits in (value.partition(":") for value in found)
        if sender == name and (number := int(digits)) % 5 == key
    ]


async def test_killed_producers_lose_nothing_acknowledged_and_leave_no_half_batch(
    log: EmbeddedLog, tmp_path: Path
) -> None:
    promised: dict[str, int] = {}
    for turn, (batch, acks) in enumerate([(1, 3), (1, 40), (7, 25), (50, 10), (500, 5)]):
        name = f"p{turn}"
        async with child(CHILD, "produce", tmp_path / "log", TOPIC, name, batch, 100_000_000) as producer:
            for _ in range(acks):
                await producer.line("appended")
            await producer.kill()
            promised[name] = int(producer.said("appended")[-1][1])
        by_partition = await values(log)
        stored = sorted(number for key in range(5) for number in numbers_of(name, by_partition, key))
        # One batch may have been stored whose acknowledgement was never heard.
        assert stored == list(range(len(stored)))
        assert len(stored) in (promised[name], promised[name] + batch)
        for key in range(5):
            in_order = numbers_of(name, by_partition, key)
            assert in_order == sorted(in_order)
    with closing(sqlite3.connect(tmp_path / "log" / "log.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_processes_that_produce_at_once_keep_the_order_of_each_key(log: EmbeddedLog, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        producers = [
            await stack.enter_async_context(
                child(CHILD, "produce", tmp_path / "log", TOPIC, f"p{i}", batch, 60 * batch)
            )
            for i, batch in enumerate((1, 3, 20))
        ]
        await log.append([Message(TOPIC, "mine", b"mine:0")])
        await asyncio.gather(*(producer.rest() for producer in producers))
    by_partition = await values(log)
    for i, batch in enumerate((1, 3, 20)):
        for key in range(5):
            assert numbers_of(f"p{i}", by_partition, key) == list(range(key, 60 * batch, 5))


async def test_processes_that_create_a_log_at_once_share_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "log"

    async def use(number: int) -> None:
        log = EmbeddedLog(folder)
        await log.ensure_topics([TopicConfig(TOPIC, 2)])
        await log.append([Message(TOPIC, "k", b"%d" % number)])
        await log.close()

    await asyncio.gather(*(use(number) for number in range(12)))
    log = EmbeddedLog(folder)
    assert sum(end for _, end in (await log.bounds(TOPIC)).values()) == 12
    await log.close()


async def test_a_namesake_goes_on_at_once_where_a_killed_consumer_had_committed(
    log: EmbeddedLog, tmp_path: Path
) -> None:
    await log.append([Message(TOPIC, f"k{i}", b"v") for i in range(600)])
    group, got = "g", set[tuple[int, int]]()
    for acks in (1, 7, 20):
        async with child(CHILD, "consume", tmp_path / "log", TOPIC, group, "m", 45.0) as consumer:
            started_s = time.monotonic()
            await consumer.line("assigned")
            # Nobody waits for the dead namesake's session of 45 s to end.
            assert time.monotonic() - started_s < 40.0
            for _ in range(acks):
                await consumer.line("committed")
            await consumer.kill()
        got |= {(int(p), int(offset)) for _, p, offset in consumer.said("got")}
        promised = {int(p): int(offset) for _, p, offset in consumer.said("committed")}
        survivor = await log.subscribe(group, [TOPIC], member="m")
        await until(survivor.assignment)
        for partition, offset in promised.items():
            stored = await survivor.committed(TopicPartition(TOPIC, partition))
            # A commit may have been stored that the process did not live to tell of.
            assert stored is not None
            assert offset <= stored <= offset + 5
        await survivor.stop()
    survivor = await log.subscribe(group, [TOPIC], member="m")
    left = sum((await log.lag(group, [TOPIC])).values())
    got |= {(record.partition, record.offset) for record in await collect(survivor, left)}
    assert len(got) == 600


async def test_a_killed_members_partitions_go_to_the_others_when_its_session_ends(
    log: EmbeddedLog, tmp_path: Path
) -> None:
    session_s = 1.5
    async with child(CHILD, "consume", tmp_path / "log", TOPIC, "g", "dies", session_s) as dying:
        await dying.line("assigned")
        survivor = await log.subscribe("g", [TOPIC], member="lives", session_timeout_s=session_s)
        await until(lambda: len(survivor.assignment()) in (1, 2))
        await dying.kill()
        killed_s = time.monotonic()
        await until(lambda: len(survivor.assignment()) == 3)
    # Its last heartbeat may have been a sixth of a session before its end.
    assert session_s * 0.7 < time.monotonic() - killed_s < session_s + 20.0


async def test_a_member_that_was_frozen_is_fenced_and_joins_again(log: EmbeddedLog, tmp_path: Path) -> None:
    async with child(CHILD, "consume", tmp_path / "log", TOPIC, "g", "frozen", 1.0) as frozen:
        await frozen.line("assigned")
        survivor = await log.subscribe("g", [TOPIC], member="lives", session_timeout_s=1.0)
        await until(lambda: len(survivor.assignment()) in (1, 2))
        frozen.signal(signal.SIGSTOP)
        await until(lambda: len(survivor.assignment()) == 3)
        await survivor.commit(dict.fromkeys(survivor.assignment(), 0))
        frozen.signal(signal.SIGCONT)
        await until(lambda: len(survivor.assignment()) in (1, 2))
        await frozen.line("assigned")
        (lost, *_) = {TopicPartition(TOPIC, i) for i in range(3)} - survivor.assignment()
        with pytest.raises(Fenced):
            await survivor.commit({lost: 1})


async def test_processes_consume_and_die_while_others_produce(log: EmbeddedLog, tmp_path: Path) -> None:
    """Each record is seen at least once, and what was committed by a process only by its owner."""
    seen = set[tuple[int, int]]()
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(child(CHILD, "produce", tmp_path / "log", TOPIC, "p", 2, 1200))
        workers: list[Child] = []
        for turn in range(6):
            process = child(CHILD, "consume", tmp_path / "log", TOPIC, "g", f"m{turn % 2}", 2.0)
            workers.append(await stack.enter_async_context(process))
            await workers[-1].line("assigned")
            if turn >= 2:
                await workers[turn - 2].kill()
        await producer.rest()

        async def all_committed() -> bool:
            return sum((await log.lag("g", [TOPIC])).values()) == 0

        await until(all_committed, deadline_s=60.0)
        for worker in workers[-2:]:
            await worker.kill()
    for worker in workers:
        seen |= {(int(p), int(offset)) for _, p, offset in worker.said("got")}
    assert seen == {
        (partition.partition, offset)
        for partition, (_, end) in (await log.bounds(TOPIC)).items()
        for offset in range(end)
    }
    assert len(seen) == 1200


async def test_what_does_not_fit_on_the_disk_is_transient_and_leaves_nothing(log: EmbeddedLog, tmp_path: Path) -> None:
    async with child(CHILD, "overflow", tmp_path, TOPIC) as process:
        lines = await process.rest()
    assert lines == [
        [what, size, outcome]
        for size, outcome in (("10", "done"), ("3000000", "transient"), ("10", "done"))
        for what in ("log", "store")
    ]
    assert sum(map(len, (await values(log)).values())) == 2
    root = tmp_path / "objects"
    assert [path.stat().st_size for path in (root / "blobs").glob("*/*")] == [10]
    assert not any((*(root / "incoming").iterdir(), *(root / "todo").iterdir()))
