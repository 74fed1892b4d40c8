"""Keeps an Admission up to date with what the projection tells about each tenant's backlog."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ingest.admission import Admission
from polyvox.contracts import TenantBacklog, decode
from polyvox.errors import Invalid, PolyvoxError
from polyvox.ports import EventLog, Record, TopicPartition
from polyvox.service import Runtime

log = logging.getLogger(__name__)

EVERY_S = 1.0
BATCH = 1000


class Follower:
    """Reads the topic without a group, from its first record on: compacted, it holds every tenant's newest."""

    def __init__(self, event_log: EventLog, admission: Admission) -> None:
        self._log = event_log
        self._admission = admission
        self._offsets: dict[TopicPartition, int] = {}

    async def catch_up(self) -> None:
        """Take in all there is. Raises Transient."""
        for partition, (first, end) in (await self._log.bounds(TenantBacklog.TOPIC)).items():
            # What was dropped in between lies before ``first``; a topic made anew ends before the offset.
            offset = max(self._offsets.get(partition, first), first)
            offset = first if offset > end else offset
            while offset < end:
                records = await self._log.read(partition, offset=offset, max_records=BATCH)
                self._hear(records)
                # The last offsets may be gone to compaction: nothing is read, and nothing will be.
                offset = records[-1].offset + 1 if records else end
            self._offsets[partition] = offset

    def _hear(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                told = decode(record.value).data
            except Invalid as error:
                log.warning("a message on %s is passed over: %s", record.topic, error)
                continue
            if isinstance(told, TenantBacklog):
                self._admission.heard(told)


async def follow(runtime: Runtime, admission: Admission) -> None:
    """Follow until the runtime stops; while the log is away the last known state stands."""
    follower = Follower(runtime.log, admission)
    failed = False
    while not runtime.stopping.is_set():
        try:
            await follower.catch_up()
            failed = False
        except PolyvoxError as error:
            if not failed:
                log.warning("the backlog of tenants cannot be followed for now: %s", error)
            failed = True
        await runtime.clock.sleep(EVERY_S)
