"""What every EventLog keeps to: topics, records, reading without a group. Groups: test_consumer_groups.py."""

from __future__ import annotations

import asyncio
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyvox.ports import EventLog, Message, TopicConfig, TopicPartition
from tests.ports.conftest import LogWorld
from tests.support.consuming import collect
from tests.support.polling import until

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
HEADERS = st.lists(st.tuples(KEYS, st.binary(max_size=30)), max_size=4).map(tuple)


async def test_a_record_comes_back_as_it_was_appended(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    message = Message(topic, "jané/ß", b"\x00\xff{}", (("traceparent", b"00-ab"), ("x", b"\xff\x00"), ("x", b"")))
    before_ms = time.time() * 1000
    assert await log.append([message]) == [TopicPartition(topic, 0)]
    (record,) = await log.read(TopicPartition(topic, 0), offset=0)
    assert (record.topic_partition, record.offset) == (TopicPartition(topic, 0), 0)
    assert (record.key, record.value, record.headers) == (message.key, message.value, message.headers)
    assert before_ms - 1000 <= record.timestamp_ms <= time.time() * 1000 + 1000


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(st.tuples(KEYS, st.binary(max_size=200), HEADERS), min_size=1, max_size=8))
async def test_any_batch_comes_back_in_order(
    logs: LogWorld, log: EventLog, batch: list[tuple[str, bytes, tuple[tuple[str, bytes], ...]]]
) -> None:
    topic = "t-any-batch"
    await log.ensure_topics([TopicConfig(topic, 1)])
    ((partition, (_, start)),) = (await log.bounds(topic)).items()
    await log.append([Message(topic, *parts) for parts in batch])
    records = await log.read(partition, offset=start)
    assert [(record.key, record.value, record.headers) for record in records] == batch
    assert [record.offset for record in records] == list(range(start, start + len(batch)))


async def test_offsets_are_dense_and_times_do_not_go_back(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=3)
    for start in range(0, 60, 6):
        await log.append([Message(topic, f"key-{i}", b"v") for i in range(start, start + 6)])
    total = 0
    for partition, (first, end) in (await log.bounds(topic)).items():
        records = await log.read(partition, offset=first)
        assert [record.offset for record in records] == list(range(end))
        times = [record.timestamp_ms for record in records]
        assert times == sorted(times)
        total += end
    assert total == 60


async def test_records_of_one_key_keep_their_order_in_one_partition(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=4)
    where = await log.append([Message(topic, f"key-{i % 7}", str(i).encode()) for i in range(140)])
    for key in range(7):
        (partition,) = {where[i] for i in range(140) if i % 7 == key}
        records = await log.read(partition, offset=0, max_records=1000)
        values = [int(record.value) for record in records if record.key == f"key-{key}"]
        assert values == list(range(key, 140, 7))


async def test_keys_land_where_kafkas_default_partitioner_puts_them(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=12)
    keys = ["21", "foobar", "a-little-bit-long-string", "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", "abc"]
    # The hashes are those of Kafka's own UtilsTest.testMurmur2.
    hashes = [-973932308, -790332482, -985981536, -58897971, 479470107]
    where = await log.append([Message(topic, key, b"") for key in keys])
    assert [partition.partition for partition in where] == [(value & 0x7FFFFFFF) % 12 for value in hashes]


async def test_one_append_reaches_several_topics(logs: LogWorld, log: EventLog) -> None:
    one, two = await logs.topic(log), await logs.topic(log)
    where = await log.append([Message(two, "k", b"2"), Message(one, "k", b"1"), Message(two, "k", b"3")])
    assert [partition.topic for partition in where] == [two, one, two]
    assert [record.value for record in await log.read(TopicPartition(two, 0), offset=0)] == [b"2", b"3"]


async def test_appending_nothing_is_allowed(logs: LogWorld, log: EventLog) -> None:
    await logs.topic(log)
    assert await log.append([]) == []


async def test_many_appends_at_once_lose_nothing(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=2)
    answers = await asyncio.gather(*(log.append([Message(topic, f"k{i}", str(i).encode())]) for i in range(200)))
    found = [
        record
        for partition in await log.bounds(topic)
        for record in await log.read(partition, offset=0, max_records=1000)
    ]
    assert sorted(int(record.value) for record in found) == list(range(200))
    for record in found:
        assert answers[int(record.value)] == [record.topic_partition]


async def test_a_topic_that_exists_stays_as_it_is(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, partitions=2)
    await log.append([Message(topic, "k", b"v")])
    await log.ensure_topics([TopicConfig(topic, 5), TopicConfig(f"{topic}-new", 1)])
    assert len(await log.bounds(topic)) == 2
    assert sum(end for _, end in (await log.bounds(topic)).values()) == 1
    assert await log.bounds(f"{topic}-new") == {TopicPartition(f"{topic}-new", 0): (0, 0)}


async def test_another_client_reads_what_was_acknowledged(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    other = await logs.open()
    await log.append([Message(topic, "k", b"one")])
    await other.append([Message(topic, "k", b"two")])
    for client in (log, other):
        records = await client.read(TopicPartition(topic, 0), offset=0)
        assert [record.value for record in records] == [b"one", b"two"]


async def test_reading_without_a_group_starts_where_it_is_told(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    partition = TopicPartition(topic, 0)
    assert await log.read(partition, offset=0) == []
    await log.append([Message(topic, "k", str(i).encode()) for i in range(10)])
    assert [record.offset for record in await log.read(partition, offset=4, max_records=3)] == [4, 5, 6]
    assert [record.offset for record in await log.read(partition, offset=8)] == [8, 9]
    assert await log.read(partition, offset=10) == []


async def millisecond_after(timestamp_ms: int) -> None:
    await until(lambda: time.time() * 1000 > timestamp_ms + 1)


async def test_offsets_are_found_by_time(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log)
    partition = TopicPartition(topic, 0)
    times: list[int] = []
    for i in range(5):
        await log.append([Message(topic, "k", str(i).encode())])
        times = [record.timestamp_ms for record in await log.read(partition, offset=0)]
        # The next record must not share this one's millisecond.
        await millisecond_after(times[-1])
    assert await log.offsets_at(topic, 0) == {partition: 0}
    for offset, timestamp_ms in enumerate(times):
        assert await log.offsets_at(topic, timestamp_ms) == {partition: offset}
        assert await log.offsets_at(topic, timestamp_ms + 1) == {partition: offset + 1}


async def test_a_group_lags_by_what_it_has_not_committed(logs: LogWorld, log: EventLog) -> None:
    topic, group = await logs.topic(log), logs.group()
    partition = TopicPartition(topic, 0)
    await log.append([Message(topic, "k", b"v") for _ in range(10)])
    assert await log.lag(group, [topic]) == {partition: 10}
    consumer = await log.subscribe(group, [topic], member="m")
    await until(consumer.assignment, deadline_s=logs.patience_s)
    await consumer.commit({partition: 7})

    async def three_left() -> bool:
        return await log.lag(group, [topic]) == {partition: 3}

    await until(three_left, deadline_s=logs.patience_s)
    await log.append([Message(topic, "k", b"v")])

    async def four_left() -> bool:
        return await log.lag(group, [topic]) == {partition: 4}

    await until(four_left, deadline_s=logs.patience_s)


async def test_retention_keeps_what_is_young(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, retention_s=3600.0)
    await log.append([Message(topic, "k", b"v")])
    assert await log.enforce_retention() == 0
    assert await log.bounds(topic) == {TopicPartition(topic, 0): (0, 1)}


async def test_a_compacted_topic_keeps_the_newest_record_of_each_key(logs: LogWorld, log: EventLog) -> None:
    topic = await logs.topic(log, retention_s=0.001, compacted=True)
    partition = TopicPartition(topic, 0)
    await log.append([Message(topic, f"key-{i % 3}", str(i).encode()) for i in range(30)])
    await log.enforce_retention()
    consumer = await log.subscribe(logs.group(), [topic], member="m")
    for records in (
        await log.read(partition, offset=0),
        await collect(consumer, 3, deadline_s=logs.patience_s),
    ):
        assert {record.key: (record.offset, record.value) for record in records} == {
            "key-0": (27, b"27"),
            "key-1": (28, b"28"),
            "key-2": (29, b"29"),
        }
    assert (await log.bounds(topic))[partition][1] == 30
    last_ms = records[-1].timestamp_ms
    assert (await log.offsets_at(topic, last_ms + 1)) == {partition: 30}


async def test_closing_twice_does_nothing(logs: LogWorld) -> None:
    log = await logs.open()
    await logs.topic(log)
    await log.close()
    await log.close()
