"""Follows a topic whose newest messages are a state: read from its first record on, without a group."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from polyvox.contracts import decode
from polyvox.errors import Invalid, PolyvoxError
from polyvox.ports import EventLog, Record, TopicPartition
from polyvox.service import Runtime

log = logging.getLogger(__name__)

EVERY_S = 1.0
BATCH = 1000


class Follower:
    """Gives the data of every message of ``topic`` to ``hear``, in each partition in order.

    Compacted, a topic holds the newest message of every key, so what is read once is the whole state.
    """

    def __init__(self, event_log: EventLog, topic: str, hear: Callable[[Any], None]) -> None:
        self._log = event_log
        self._topic = topic
        self._hear = hear
        self._offsets: dict[TopicPartition, int] = {}

    async def catch_up(self) -> None:
        """Take in all there is. Raises Transient."""
        for partition, (first, end) in (await self._log.bounds(self._topic)).items():
            # What was dropped in between lies before ``first``; a topic made anew ends before the offset.
            offset = max(self._offsets.get(partition, first), first)
            offset = first if offset > end else offset
            while offset < end:
                records = await self._log.read(partition, offset=offset, max_records=BATCH)
                self._take(records)
                # The last offsets may be gone to compaction: nothing is read, and nothing will be.
                offset = records[-1].offset + 1 if records else end
            self._offsets[partition] = offset

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                told = decode(record.value).data
            except Invalid as error:
                log.warning("a message on %s is passed over: %s", record.topic, error)
                continue
            self._hear(told)


async def follow(runtime: Runtime, follower: Follower, *, what: str) -> None:
    """Follow until the runtime stops; while the log is away the last known state stands."""
    failed = False
    while not runtime.stopping.is_set():
        try:
            await follower.catch_up()
            failed = False
        except PolyvoxError as error:
            if not failed:
                log.warning("%s cannot be followed for now: %s", what, error)
            failed = True
        await runtime.clock.sleep(EVERY_S)
