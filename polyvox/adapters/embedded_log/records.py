"""Topics and their records: append, read, bounds, search by time.

Offsets of a partition are dense but for what compaction takes out, and its times never go back, even if
the machine's clock does: they are looked up by halving. Every function runs on the thread that owns ``connection``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence

from polyvox.adapters.embedded_log.partitioner import partition_of
from polyvox.adapters.embedded_log.schema import snapshot, write
from polyvox.errors import Fatal
from polyvox.ports import Headers, Message, Record, TopicConfig, TopicPartition

PLACES_PER_PARTITION = 1 << 40


def ensure_topics(connection: sqlite3.Connection, topics: Sequence[TopicConfig]) -> list[str]:
    """Create what is missing, inside the caller's transaction; returns the names created."""
    created = []
    for topic in topics:
        retention_ms = None if topic.retention_s is None else round(topic.retention_s * 1000)
        added = connection.execute(
            "INSERT OR IGNORE INTO topics (name, retention_ms, compacted) VALUES (?, ?, ?)",
            (topic.name, retention_ms, topic.compacted),
        ).rowcount
        if added:
            connection.executemany(
                "INSERT INTO partitions (topic, partition) VALUES (?, ?)",
                [(topic.name, partition) for partition in range(topic.partitions)],
            )
            created.append(topic.name)
    return created


def append(
    connection: sqlite3.Connection, calls: Sequence[Sequence[Message]], now_ms: Callable[[], int]
) -> list[list[TopicPartition] | Fatal]:
    """Append the messages of several calls in one transaction; one answer per call.

    A call that names an unknown topic gets a Fatal and appends nothing; the others go on.
    """
    answers: list[list[TopicPartition] | Fatal] = []
    rows: list[tuple[int, int, str, str | None, bytes]] = []
    with write(connection):
        timestamp_ms = now_ms()
        topics = _partitions_of(connection, {message.topic for call in calls for message in call})
        for call in calls:
            missing = sorted({message.topic for message in call if message.topic not in topics})
            if missing:
                answers.append(Fatal(f"no such topic: {', '.join(missing)}; create it with ensure_topics"))
                continue
            answer = []
            for message in call:
                partitions = topics[message.topic]
                number = partition_of(message.key, len(partitions))
                end = partitions[number]
                end.timestamp_ms = max(end.timestamp_ms, timestamp_ms)
                place = end.id * PLACES_PER_PARTITION + end.next_offset
                rows.append((place, end.timestamp_ms, message.key, _pack(message.headers), message.value))
                end.next_offset += 1
                answer.append(TopicPartition(message.topic, number))
            answers.append(answer)
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
        connection.executemany(
            "UPDATE partitions SET next_offset = ?, last_timestamp_ms = ? WHERE id = ? AND next_offset <> ?",
            [
                (end.next_offset, end.timestamp_ms, end.id, end.next_offset)
                for partitions in topics.values()
                for end in partitions
            ],
        )
    return answers


class _End:
    """Where a partition grows."""

    __slots__ = ("id", "next_offset", "timestamp_ms")

    def __init__(self, id_: int, next_offset: int, timestamp_ms: int) -> None:
        self.id = id_
        self.next_offset = next_offset
        self.timestamp_ms = timestamp_ms


def _partitions_of(connection: sqlite3.Connection, topics: Iterable[str]) -> dict[str, list[_End]]:
    found: dict[str, list[_End]] = {}
    for topic in topics:
        rows = connection.execute(
            "SELECT id, next_offset, last_timestamp_ms FROM partitions WHERE topic = ? ORDER BY partition", (topic,)
        )
        ends = [_End(*row) for row in rows]
        if ends:
            found[topic] = ends
    return found


def read(
    connection: sqlite3.Connection, starts: Mapping[TopicPartition, int], max_records: int
) -> dict[TopicPartition, list[Record]]:
    """At most ``max_records`` in all, from the offsets given on, in the mapping's order.

    An offset that retention has dropped, or that lies beyond the end, means the first one kept: what
    Kafka's ``auto.offset.reset=earliest`` does.
    """
    batch: dict[TopicPartition, list[Record]] = {}
    left = max_records
    for partition, start in starts.items():
        if left <= 0:
            break
        row = connection.execute(
            "SELECT id, first_offset, next_offset FROM partitions WHERE topic = ? AND partition = ?", partition
        ).fetchone()
        if row is None:
            continue
        id_, first, end = row
        base = id_ * PLACES_PER_PARTITION
        offset = start if first <= start <= end else first
        rows = connection.execute(
            "SELECT place, key, value, headers, timestamp_ms FROM records"
            " WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
            (base + offset, base + end, left),
        )
        records = [
            Record(partition.topic, partition.partition, place - base, key, value, _unpack(headers), timestamp_ms)
            for place, key, value, headers, timestamp_ms in rows
        ]
        if records:
            batch[partition] = records
            left -= len(records)
    return batch


def read_one(connection: sqlite3.Connection, partition: TopicPartition, offset: int, max_records: int) -> list[Record]:
    """Like ``read`` for one partition, but [] beyond the end."""
    end = ends(connection).get(partition, 0)
    return [] if offset >= end else read(connection, {partition: offset}, max_records).get(partition, [])


def ends(connection: sqlite3.Connection) -> dict[TopicPartition, int]:
    """Next offset of every partition of every topic."""
    rows = connection.execute("SELECT topic, partition, next_offset FROM partitions")
    return {TopicPartition(topic, partition): end for topic, partition, end in rows}


def bounds(connection: sqlite3.Connection, topic: str) -> dict[TopicPartition, tuple[int, int]]:
    rows = connection.execute(
        "SELECT partition, first_offset, next_offset FROM partitions WHERE topic = ? ORDER BY partition", (topic,)
    )
    return {TopicPartition(topic, partition): (first, end) for partition, first, end in rows}


def offsets_at(connection: sqlite3.Connection, topic: str, timestamp_ms: int) -> dict[TopicPartition, int]:
    """First offset at or after a time; the next offset to be written where there is none."""
    with snapshot(connection):
        rows = connection.execute(
            "SELECT id, partition, first_offset, next_offset FROM partitions WHERE topic = ? ORDER BY partition",
            (topic,),
        ).fetchall()
        return {
            TopicPartition(topic, partition): search(connection, id_, first, end, timestamp_ms)
            for id_, partition, first, end in rows
        }


def search(connection: sqlite3.Connection, id_: int, low: int, high: int, timestamp_ms: int) -> int:
    """First offset from ``low`` on whose time is not before ``timestamp_ms``; ``high`` when there is none."""
    base = id_ * PLACES_PER_PARTITION
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            "SELECT place, timestamp_ms FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT 1",
            (base + middle, base + high),
        ).fetchone()
        if found is None or found[1] >= timestamp_ms:
            high = middle
        else:
            low = found[0] - base + 1
    return low


def _pack(headers: Headers) -> str | None:
    """Latin-1 gives every byte a character, so that headers stay readable in the database."""
    return json.dumps([(name, value.decode("latin-1")) for name, value in headers]) if headers else None


def _unpack(packed: str | None) -> Headers:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(packed)) if packed else ()
