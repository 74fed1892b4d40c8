"""Reading without a group: records, bounds, search by time, lag."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition as Place

from polyvox.adapters.kafka import topics
from polyvox.adapters.kafka.clients import Clients
from polyvox.adapters.kafka.errors import patiently, translated
from polyvox.adapters.kafka.options import KafkaOptions
from polyvox.ports import Record, TopicPartition

READ_WITHIN_S = 20.0
POLL_MS = 1000


def record_of(found: Any, options: KafkaOptions) -> Record:
    """A record as the port gives it; what other programs may leave out is empty."""
    partition = options.bare((found.topic, found.partition))
    return Record(
        partition.topic,
        partition.partition,
        found.offset,
        (found.key or b"").decode(errors="replace"),
        found.value or b"",
        tuple((name, value or b"") for name, value in found.headers),
        found.timestamp,
    )


async def read(clients: Clients, partition: TopicPartition, *, offset: int, max_records: int) -> list[Record]:
    """From ``offset``, or the first kept record, up to what the partition holds now. Raises Unavailable."""
    place = _place(clients, partition)
    records: list[Record] = []
    async with clients.reading:
        reader = await clients.reader()
        with translated(f"reading {place.topic}/{place.partition}"):
            end = (await reader.end_offsets([place]))[place]
            if offset >= end:
                return []
            reader.assign([place])
            reader.seek(place, offset)
            async with asyncio.timeout(READ_WITHIN_S):
                while len(records) < max_records and await reader.position(place) < end:
                    batch = await reader.getmany(timeout_ms=POLL_MS, max_records=max_records - len(records))
                    records += [record_of(found, clients.options) for found in batch.get(place, ())]
    return [record for record in records if record.offset < end]


async def bounds(clients: Clients, topic: str) -> dict[TopicPartition, tuple[int, int]]:
    """{} for a topic that does not exist. Raises Unavailable."""
    places = await _places(clients, [topic])
    if not places:
        return {}
    reader = await clients.reader()
    with translated(f"looking up the bounds of {topic}"):
        first, end = await asyncio.gather(reader.beginning_offsets(places), reader.end_offsets(places))
    return {clients.options.bare(place): (first[place], end[place]) for place in places}


async def offsets_at(clients: Clients, topic: str, timestamp_ms: int) -> dict[TopicPartition, int]:
    """First offset at or after a time; the next offset to be written where there is none. Raises Unavailable."""
    places = await _places(clients, [topic])
    if not places:
        return {}
    reader = await clients.reader()
    with translated(f"searching {topic} by time"):
        end = await reader.end_offsets(places)
        found = await reader.offsets_for_times(dict.fromkeys(places, max(0, timestamp_ms)))
    return {
        clients.options.bare(place): end[place] if found[place] is None else found[place].offset for place in places
    }


async def lag(clients: Clients, group: str, names: Sequence[str]) -> dict[TopicPartition, int]:
    """Records that are kept and that ``group`` has not committed. Raises Unavailable."""
    places = await _places(clients, names)
    if not places:
        return {}
    reader, admin = await clients.reader(), await clients.admin()
    first, end, stored = await patiently(
        f"looking up the lag of {group}",
        lambda: asyncio.gather(
            reader.beginning_offsets(places),
            reader.end_offsets(places),
            admin.list_consumer_group_offsets(clients.options.full(group), partitions=places),
        ),
    )
    found = {}
    for place in places:
        committed = stored[place].offset if place in stored else -1
        found[clients.options.bare(place)] = max(0, end[place] - max(first[place], committed))
    return found


async def _places(clients: Clients, names: Sequence[str]) -> list[Place]:
    wanted = [clients.options.full(name) for name in names]
    found = await topics.partitions(clients, wanted)
    return [Place(name, number) for name in wanted for number in found.get(name, ())]


def _place(clients: Clients, partition: TopicPartition) -> Place:
    return Place(clients.options.full(partition.topic), partition.partition)
