"""What befalls Kafka's clients: brokers that die and come back, loops that stand still, eviction, refusals."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from infra.native import Kafka
from polyvox.adapters.kafka import KafkaLog, KafkaOptions, producing
from polyvox.errors import Fatal, Fenced, Invalid, Unavailable
from polyvox.ports import Message, TopicConfig, TopicPartition
from tests.support.consuming import Listener, collect, fill, settled
from tests.support.logs import kafka_address, open_log
from tests.support.polling import until

PATIENCE_S = 60.0
SESSION_S = 2.0
GROUP = "group"
TOPIC = "topic"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One that may be killed, and lets sessions end soon."""
    with Kafka(tmp_path_factory.mktemp("broker"), settings={"group.min.session.timeout.ms": "1000"}) as broker:
        yield broker


@pytest.fixture
async def log(broker: Kafka) -> AsyncIterator[KafkaLog]:
    log = open_log(kafka_address(broker.bootstrap))
    assert isinstance(log, KafkaLog)
    await log.ensure_topics([TopicConfig(TOPIC, 4)])
    yield log
    await log.close()


async def test_a_broker_that_dies_and_comes_back_loses_nothing(broker: Kafka, log: KafkaLog) -> None:
    """The same producer and the same members go on: commits, heartbeats and parked polls."""
    listener = Listener()
    consumer = await log.subscribe(GROUP, [TOPIC], member="m", listener=listener)
    await settled(4, consumer, deadline_s=PATIENCE_S)
    await fill(log, TOPIC, 200)
    seen = {int(record.value) for record in await collect(consumer, 200, deadline_s=PATIENCE_S)}
    await consumer.commit(ends := {p: end for p, (_, end) in (await log.bounds(TOPIC)).items()})
    parked = asyncio.create_task(consumer.getmany(timeout_ms=200))
    await asyncio.to_thread(broker.kill_node, 0)
    waiting = asyncio.create_task(fill(log, TOPIC, 200))
    assert await parked == {}
    await asyncio.to_thread(broker.start_node, 0)
    try:
        await waiting
    except Unavailable:
        await fill(log, TOPIC, 200)
    again = [int(record.value) for record in await collect(consumer, 200, deadline_s=PATIENCE_S)]
    assert set(again) == seen == set(range(200))
    assert {p: await consumer.committed(p) for p in ends} == ends
    await consumer.commit({p: end + 1 for p, end in ends.items()})
    assert listener.heard("revoked") == []


async def test_what_was_refused_does_not_turn_up_later(broker: Kafka, log: KafkaLog) -> None:
    """A producer that cannot deliver in time is replaced; what waited in it is the caller's to repeat."""
    logged: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(repr(context)))
    await fill(log, TOPIC, 10)
    await asyncio.to_thread(broker.kill_node, 0)
    began_s = time.monotonic()
    answers = await asyncio.gather(
        *(producing.append(log._clients, [Message(TOPIC, f"k{i}", b"refused")], within_s=1.0) for i in range(20)),
        return_exceptions=True,
    )
    assert time.monotonic() - began_s < 15.0
    assert [type(answer) for answer in answers] == [Unavailable] * 20
    await asyncio.to_thread(broker.start_node, 0)

    async def appended() -> bool:
        try:
            return bool(await log.append([Message(TOPIC, "k", b"repeated")]))
        except Unavailable:
            return False

    await until(appended, deadline_s=PATIENCE_S)
    values = [record.value for p in await log.bounds(TOPIC) for record in await log.read(p, offset=0)]
    assert sorted(set(values) - {str(i).encode() for i in range(10)}) == [b"repeated"]
    gc.collect()
    assert not any("given up" in context for context in logged), (
        "who waits is told once; the log need not hear of every message"
    )


async def test_a_cluster_that_is_away_is_unavailable_within_bounded_time(tmp_path: Path) -> None:
    log = KafkaLog(KafkaOptions("127.0.0.1:1"), client_id="test")
    for call in (
        log.append([Message(TOPIC, "k", b"v")]),
        log.bounds(TOPIC),
        log.ensure_topics([TopicConfig(TOPIC, 1)]),
        log.subscribe(GROUP, [TOPIC], member="m"),
    ):
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
            await call
    await log.close()


async def test_a_loop_that_stands_still_is_evicted_and_comes_back(broker: Kafka, log: KafkaLog) -> None:
    """Twice as long as a session: another member gets the partitions, the sleeper may not commit, and both go on."""
    listener = Listener()
    address = f"kafka://{broker.bootstrap}/{log._options.prefix}"
    owned: list[frozenset[TopicPartition]] = []
    stall, over = threading.Event(), threading.Event()
    refused: list[bool] = []

    async def sleeper() -> None:
        other = open_log(address)
        consumer = await other.subscribe(GROUP, [TOPIC], member="b", listener=listener, session_timeout_s=SESSION_S)
        while not consumer.assignment() or not stall.is_set():
            await consumer.getmany(timeout_ms=50)
            owned[:] = [consumer.assignment()]
        before = consumer.assignment()
        time.sleep(4 * SESSION_S)
        try:
            await consumer.commit(dict.fromkeys(before, 1))
        except Fenced:
            refused.append(True)
        while not over.is_set():
            await consumer.getmany(timeout_ms=50)
            owned[:] = [consumer.assignment()]
        await other.close()

    first = await log.subscribe(GROUP, [TOPIC], member="a", session_timeout_s=SESSION_S)
    thread = threading.Thread(target=lambda: asyncio.run(sleeper()))
    thread.start()
    try:
        await until(lambda: owned and len(owned[0]) == len(first.assignment()) == 2, deadline_s=PATIENCE_S)
        stall.set()
        await until(lambda: len(first.assignment()) == 4, deadline_s=PATIENCE_S)
        await until(lambda: len(owned[0]) == len(first.assignment()) == 2, deadline_s=PATIENCE_S)
    finally:
        stall.set()
        over.set()
        await asyncio.to_thread(thread.join)
    assert refused == [True]
    assert [len(lost) for lost in listener.heard("revoked")] == [2]


async def test_a_member_that_works_for_longer_than_its_session_keeps_its_partitions(log: KafkaLog) -> None:
    listener = Listener()
    consumer = await log.subscribe(GROUP, [TOPIC], member="a", listener=listener, session_timeout_s=SESSION_S)
    await settled(4, consumer, deadline_s=PATIENCE_S)
    await fill(log, TOPIC, 50)
    records = await collect(consumer, 50, deadline_s=PATIENCE_S)
    consumer.pause(*consumer.assignment())
    # Nobody polls meanwhile.
    await asyncio.sleep(2.5 * SESSION_S)
    await consumer.commit({record.topic_partition: record.offset + 1 for record in records})
    assert listener.heard("revoked") == []
    assert sum((await log.lag(GROUP, [TOPIC])).values()) == 0


async def test_a_member_whose_tasks_ended_joins_anew(log: KafkaLog) -> None:
    listener = Listener()
    consumer = await log.subscribe(GROUP, [TOPIC], member="a", listener=listener, session_timeout_s=SESSION_S)
    await settled(4, consumer, deadline_s=PATIENCE_S)
    consumer._member._fetcher.error_future.cancel()
    await fill(log, TOPIC, 50)
    assert len(await collect(consumer, 50, deadline_s=PATIENCE_S)) == 50
    assert [len(revoked) for revoked in listener.heard("revoked")] == [4]
    assert len(consumer.assignment()) == 4


async def test_what_cannot_be_appended_says_why(log: KafkaLog) -> None:
    with pytest.raises(Invalid, match="too large") as refusal:
        await log.append([Message(TOPIC, "k", bytes(5 * 1024 * 1024))])
    assert refusal.value.code == "message-too-large"
    await log.append([Message(TOPIC, "k", b"x" * 3 * 1024 * 1024)])


async def test_a_group_that_may_not_be_joined_so_is_fatal(log: KafkaLog) -> None:
    consumer = await log.subscribe(GROUP, [TOPIC], member="a", session_timeout_s=0.5)
    with pytest.raises(Fatal, match="POLYVOX_SESSION_TIMEOUT_S"):
        await consumer.getmany(timeout_ms=30_000)
