"""What is on a log."""

from __future__ import annotations

from typing import Any, TypeVar

from polyvox import topics
from polyvox.contracts import Envelope, Event, decode
from polyvox.ports import EventLog, Record

F = TypeVar("F", bound=Event)


async def records_of(log: EventLog, topic: str) -> list[Record]:
    """Every record of a topic, partition by partition."""
    found: list[Record] = []
    for partition, (first, end) in sorted((await log.bounds(topic)).items()):
        offset = first
        while offset < end and (records := await log.read(partition, offset=offset, max_records=1000)):
            found += records
            offset = records[-1].offset + 1
    return found


async def told(log: EventLog, fact: type[F]) -> list[Envelope[F]]:
    """Every event of a kind, in both lanes."""
    envelopes: list[Envelope[Any]] = []
    for topic in topics.laned(fact.TOPIC):
        envelopes += [decode(record.value) for record in await records_of(log, topic)]
    return envelopes
