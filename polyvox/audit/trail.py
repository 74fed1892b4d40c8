"""Reads the audit trail from its topic, in the order in which it was written."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from polyvox.contracts import decode
from polyvox.contracts.audited import Audited, AuditedAction, AuditedOutcome
from polyvox.cursors import checked
from polyvox.errors import Invalid
from polyvox.ports import EventLog, Record, TopicPartition

log = logging.getLogger(__name__)

BATCH = 500
CURSOR = r"^[0-9]{1,9}\.[0-9]{1,18}(-[0-9]{1,9}\.[0-9]{1,18})*$"
"""Partitions, and the offset to go on from in each."""
LOOKED_AT_MAX = 20_000
"""Entries that one page looks at: where few match there may be none on it, and still a next one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """All that are given must hold."""

    since: datetime
    until: datetime | None = None
    tenant: str | None = None
    key_id: str | None = None
    media_id: str | None = None
    action: AuditedAction | None = None
    outcome: AuditedOutcome | None = None

    def matches(self, entry: Audited) -> bool:
        return (
            entry.at >= self.since
            and (self.until is None or entry.at < self.until)
            and all(
                wanted is None or getattr(entry, name) == wanted
                for name in ("tenant", "key_id", "media_id", "action", "outcome")
                if (wanted := getattr(self, name)) is not None
            )
        )


@dataclass(frozen=True, slots=True)
class Page:
    entries: list[Audited]
    next_cursor: str | None


async def page(event_log: EventLog, asked: Asked, *, limit: int, cursor: str | None = None) -> Page:
    """
    Raises:
        Invalid: the cursor is none.
        Transient: the log is in trouble.
    """
    places = await event_log.offsets_at(Audited.TOPIC, int(asked.since.timestamp() * 1000))
    bounds = await event_log.bounds(Audited.TOPIC)
    if cursor is not None:
        told = _read_cursor(cursor)
        places = {place: told.get(place.partition, offset) for place, offset in places.items()}
    ends = {place: end for place, (_, end) in bounds.items()}
    places = {place: max(offset, bounds[place][0]) for place, offset in places.items() if place in bounds}
    found: list[Audited] = []
    looked_at = 0
    async for record in _in_order(event_log, places, ends):
        places[record.topic_partition] = record.offset + 1
        looked_at += 1
        entry = _entry(record)
        if entry is not None and asked.matches(entry):
            found.append(entry)
        if len(found) >= limit or looked_at >= LOOKED_AT_MAX:
            return Page(found, _cursor(places))
    return Page(found, None)


async def _in_order(
    event_log: EventLog, places: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> AsyncIterator[Record]:
    """Records of all partitions by their times."""
    streams = {place: _records(event_log, place, offset, ends[place]) for place, offset in places.items()}
    heads = {place: record for place, stream in streams.items() if (record := await anext(stream, None)) is not None}
    while heads:
        place = min(heads, key=lambda one: (heads[one].timestamp_ms, one))
        yield heads[place]
        following = await anext(streams[place], None)
        if following is None:
            del heads[place]
        else:
            heads[place] = following


async def _records(event_log: EventLog, place: TopicPartition, offset: int, end: int) -> AsyncIterator[Record]:
    while offset < end:
        batch = await event_log.read(place, offset=offset, max_records=BATCH)
        for record in batch:
            if record.offset < end:
                yield record
        if not batch:
            return
        offset = batch[-1].offset + 1


def _entry(record: Record) -> Audited | None:
    try:
        data = decode(record.value).data
    except Invalid as error:
        log.warning("a message on %s is passed over: %s", record.topic, error.code)
        return None
    return data if isinstance(data, Audited) else None


def _cursor(places: dict[TopicPartition, int]) -> str:
    return "-".join(f"{place.partition}.{offset}" for place, offset in sorted(places.items()))


def _read_cursor(cursor: str) -> dict[int, int]:
    told = (place.split(".") for place in checked(cursor, CURSOR).split("-"))
    return {int(partition): int(offset) for partition, offset in told}
