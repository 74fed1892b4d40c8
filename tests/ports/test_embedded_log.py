"""What only the embedded log promises: retention by the clock, stalls, trouble with its file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.embedded_log.database import Database
from polyvox.adapters.embedded_log.partitioner import partition_of
from polyvox.errors import Fatal, Fenced, Transient
from polyvox.ports import Message, TopicConfig, TopicPartition
from tests.support.consuming import Listener, collect
from tests.support.polling import until
from tests.support.turned_clock import TurnedClock

TOPIC = "work"
SESSION_S = 2.4
"""Of members whose loop stands still: long enough for a busy machine to take a second more than a test asks for."""
ONLY = TopicPartition(TOPIC, 0)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def log(tmp_path: Path, clock: TurnedClock) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog(tmp_path / "log", clock=clock, busy_timeout_s=0.2)
    await log.ensure_topics([TopicConfig(TOPIC, 1, retention_s=100.0)])
    yield log
    await log.close()


async def append(log: EmbeddedLog, count: int) -> None:
    await log.append([Message(TOPIC, "k", b"v") for _ in range(count)])


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
    place, newest_ms = partition_of("key-3", 2), kept["key-3"][1]
    ends = {partition: end for partition, (_, end) in (await log.bounds("state")).items()}
    at = await log.offsets_at("state", newest_ms)
    assert at == ends | {TopicPartition("state", place): ends["state", place] - 1}
    # What is old goes from other topics only.
    clock.turn(200)
    assert await log.enforce_retention() == 5


async def test_a_log_of_an_older_version_is_upgraded(tmp_path: Path) -> None:
    older = EmbeddedLog(tmp_path / "log")
    await older.ensure_topics([TopicConfig(TOPIC, 1)])
    await older.append([Message(TOPIC, "k", b"v")])
    await older.close()
    with closing(sqlite3.connect(tmp_path / "log" / "log.db")) as connection:
        connection.execute("ALTER TABLE topics DROP COLUMN compacted")
        connection.execute("PRAGMA user_version = 1")
    log = EmbeddedLog(tmp_path / "log")
    await log.ensure_topics([TopicConfig(TOPIC, 1), TopicConfig("state", 1, compacted=True)])
    await log.append([Message("state", "k", value) for value in (b"1", b"2")])
    assert await log.enforce_retention() == 1
    assert [record.value for record in await log.read(ONLY, offset=0)] == [b"v"]
    await log.close()


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


async def test_an_unknown_topic_is_refused_without_hurting_others(log: EmbeddedLog) -> None:
    good, bad, mixed = await asyncio.gather(
        log.append([Message(TOPIC, "k", b"good")]),
        log.append([Message("nowhere", "k", b"bad")]),
        log.append([Message(TOPIC, "k", b"half"), Message("nowhere", "k", b"half")]),
        return_exceptions=True,
    )
    assert good == [ONLY]
    assert isinstance(bad, Fatal)
    assert isinstance(mixed, Fatal)
    assert [record.value for record in await log.read(ONLY, offset=0)] == [b"good"]


async def test_a_topic_that_comes_later_is_dealt_to_those_who_wait_for_it(log: EmbeddedLog) -> None:
    consumer = await log.subscribe("g", ["later"], member="m", session_timeout_s=1e9)
    await log.ensure_topics([TopicConfig("later", 2)])
    await until(lambda: len(consumer.assignment()) == 2)


async def test_a_listener_that_fails_frees_its_partitions_and_tells_its_consumer(log: EmbeddedLog) -> None:
    class Broken(Exception):
        pass

    async def fail(assigned: object) -> None:
        raise Broken

    await append(log, 1)
    broken = await log.subscribe("g", [TOPIC], member="a", listener=Listener(when_assigned=fail))
    with pytest.raises(Broken):
        await broken.getmany(timeout_ms=10_000)
    other = await log.subscribe("g", [TOPIC], member="b")
    assert await collect(other, 1)
    with pytest.raises(Broken):
        await broken.commit({ONLY: 1})
    await broken.stop()


async def test_a_listener_may_stop_its_own_consumer(log: EmbeddedLog) -> None:
    async def stop(revoked: object) -> None:
        await first.stop()

    await append(log, 1)
    first = await log.subscribe("g", [TOPIC], member="a", listener=Listener(when_revoked=stop))
    await until(first.assignment)
    second = await log.subscribe("g", [TOPIC], member="b")
    assert await collect(second, 1)
    async with asyncio.timeout(60):
        await first.stop()


@contextmanager
def running_member(folder: Path, listener: Listener) -> Iterator[tuple[asyncio.AbstractEventLoop, EmbeddedLog]]:
    """A member ``threaded`` of group ``g`` on an event loop of its own, in a thread."""
    loop, log = asyncio.new_event_loop(), EmbeddedLog(folder)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    subscribing = log.subscribe("g", [TOPIC], member="threaded", session_timeout_s=SESSION_S, listener=listener)
    asyncio.run_coroutine_threadsafe(subscribing, loop).result()
    try:
        yield loop, log
    finally:
        asyncio.run_coroutine_threadsafe(log.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def test_a_loop_may_stall_for_less_than_a_session_but_not_for_longer(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "log")
    await log.ensure_topics([TopicConfig(TOPIC, 2)])
    listener = Listener()
    with running_member(tmp_path / "log", listener) as (loop, _):
        await until(lambda: listener.heard("assigned"))
        other = await log.subscribe("g", [TOPIC], member="other", session_timeout_s=SESSION_S)
        await until(lambda: len(other.assignment()) == 1)
        heard = len(listener.calls)
        stalled = threading.Event()

        def stall(seconds: float) -> None:
            stalled.set()
            time.sleep(seconds)

        loop.call_soon_threadsafe(stall, 1.0)
        await until(stalled.is_set)
        ended = threading.Event()
        loop.call_soon_threadsafe(ended.set)
        await until(ended.is_set)
        assert len(other.assignment()) == 1
        assert len(listener.calls) == heard
        loop.call_soon_threadsafe(stall, 3 * SESSION_S)
        await until(lambda: len(other.assignment()) == 2, deadline_s=3 * SESSION_S - 0.1)
        # Back on its feet it joins again.
        await until(lambda: len(other.assignment()) == 1)
        await until(lambda: [kind for kind, _ in listener.calls[heard:]][-2:] == ["revoked", "assigned"])
    await log.close()


async def test_an_idle_consumer_costs_next_to_nothing(log: EmbeddedLog) -> None:
    consumer = await log.subscribe("g", [TOPIC], member="m", session_timeout_s=1e9)
    await until(consumer.assignment)
    start_s = time.process_time()
    await consumer.getmany(timeout_ms=1500)
    assert time.process_time() - start_s < 0.1 * 1.5


async def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    with closing(sqlite3.connect(tmp_path / "foreign" / "log.db")) as database:
        database.execute("CREATE TABLE theirs (a)")
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "log.db").write_bytes(b"this is no database at all" * 100)
    for name in ("foreign", "garbage"):
        before = (tmp_path / name / "log.db").read_bytes()[100:]
        log = EmbeddedLog(tmp_path / name)
        with pytest.raises(Fatal, match=r"log\.db"):
            await log.append([Message(TOPIC, "k", b"v")])
        await log.close()
        assert (tmp_path / name / "log.db").read_bytes()[100:] == before


async def test_a_log_of_a_newer_version_is_left_alone(log: EmbeddedLog, tmp_path: Path) -> None:
    await log.close()
    with closing(sqlite3.connect(tmp_path / "log" / "log.db")) as database:
        database.execute("PRAGMA user_version = 999")
    newer = EmbeddedLog(tmp_path / "log")
    with pytest.raises(Fatal, match="999"):
        await newer.bounds(TOPIC)
    await newer.close()


async def test_damage_is_fatal_for_callers_and_consumers(log: EmbeddedLog, tmp_path: Path) -> None:
    await append(log, 2000)
    await log.close()
    path = tmp_path / "log" / "log.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    damaged = EmbeddedLog(tmp_path / "log")
    with pytest.raises(Fatal, match="damaged"):
        await damaged.append([Message(TOPIC, "k", b"v")])
    with pytest.raises(Fatal, match="damaged"):
        await damaged.subscribe("g", [TOPIC], member="m")
    await damaged.close()


async def test_a_lock_held_for_too_long_is_transient_and_passes(log: EmbeddedLog, tmp_path: Path) -> None:
    consumer = await log.subscribe("g", [TOPIC], member="m", session_timeout_s=1e9)
    await until(consumer.assignment)
    with closing(sqlite3.connect(tmp_path / "log" / "log.db", isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient):
            await append(log, 1)
        with pytest.raises(Transient):
            await consumer.commit({ONLY: 0})
        hog.execute("ROLLBACK")
    await append(log, 1)
    assert [record.offset for record in await collect(consumer, 1)] == [0]
    await consumer.commit({ONLY: 1})


async def test_a_full_disk_is_transient_and_passes(tmp_path: Path) -> None:
    database = Database(tmp_path / "log", 1.0)
    await database.run(lambda connection: connection.execute("CREATE TABLE filler (a)"))
    (pages,) = await database.run(lambda connection: connection.execute("PRAGMA page_count").fetchone())
    await database.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 1}").fetchall())
    with pytest.raises(Transient, match="full"):
        await database.transact(lambda connection: connection.execute("INSERT INTO filler VALUES (zeroblob(100000))"))
    await database.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 1000}").fetchall())
    await database.transact(lambda connection: connection.execute("INSERT INTO filler VALUES (zeroblob(100000))"))
    await database.close()


async def test_seeking_what_one_does_not_own_is_fenced(log: EmbeddedLog) -> None:
    consumer = await log.subscribe("g", [TOPIC], member="m")
    with pytest.raises(Fenced):
        consumer.seek(TopicPartition("elsewhere", 0), 0)
    consumer.pause(TopicPartition("elsewhere", 0))
    consumer.resume(TopicPartition("elsewhere", 0))
