"""Waiting for one recording to end, by following what the results API says on the log."""

from __future__ import annotations

from collections.abc import Mapping

from polyvox.contracts import MediaCompleted, MediaFailed, decode
from polyvox.ports import Clock, EventLog, TopicPartition

Ending = MediaCompleted | MediaFailed
Places = Mapping[TopicPartition, int]
"""The next offset to read, per partition."""

TOPICS = (MediaCompleted.TOPIC, MediaFailed.TOPIC)
POLL_S = 0.1


async def places(log: EventLog) -> Places:
    """Where to follow from; to be asked before the recording is announced. Raises Transient."""
    return {place: end for topic in TOPICS for place, (_, end) in (await log.bounds(topic)).items()}


async def ending_of(media_id: str, log: EventLog, since: Places, clock: Clock) -> Ending:
    """How ``media_id`` ends; waits until it does, so bound it with a time-out. Raises Transient."""
    offsets = dict(since)
    while True:
        for place, offset in list(offsets.items()):
            for record in await log.read(place, offset=offset):
                offsets[place] = record.offset + 1
                if record.key == media_id:
                    fact = decode(record.value).data
                    assert isinstance(fact, MediaCompleted | MediaFailed)
                    return fact
        await clock.sleep(POLL_S)
