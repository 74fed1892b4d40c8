"""Tells what waits: to ingest on the log, tenant by tenant; to whoever scales workers as metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from polyvox.contracts import Lane, TenantBacklog, decode
from polyvox.errors import Invalid, PolyvoxError
from polyvox.ports import Clock, EventLog
from polyvox.publish import Publisher
from results_api.backlog.measuring import Measuring
from results_api.backlog.tallies import backlogs, tallies

log = logging.getLogger(__name__)

EVERY_S = 2.0
SHARE = 0.1
"""Of the time that counting may take of one connection: large backlogs are counted less often."""
BATCH = 1000


class Telling:
    """One process of all tells; ``mine`` says whether it is this one. Two at a time would do no harm.

    Only what changed is told. What was told by the process before is read from the log, so that a
    tenant of whom nothing waits any more is told so.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        event_log: EventLog,
        publisher: Publisher,
        clock: Clock,
        *,
        mine: Callable[[], bool],
        measuring: Measuring | None = None,
    ) -> None:
        self._engine = engine
        self._log = event_log
        self._publisher = publisher
        self._clock = clock
        self._mine = mine
        self._measuring = measuring or Measuring()
        self._told: dict[str, TenantBacklog] | None = None

    async def run(self) -> None:
        """Until cancelled; trouble is logged and tried again."""
        while True:
            began_s = self._clock.monotonic_s()
            try:
                await self.once()
            except PolyvoxError as error:
                log.warning("what waits cannot be told for now: %s", error)
            took_s = self._clock.monotonic_s() - began_s
            await self._clock.sleep(max(EVERY_S, took_s / SHARE))

    async def once(self) -> None:
        """Raises Unavailable when database or log are in trouble."""
        if not self._mine():
            if self._told is not None:
                self._told = None
                self._measuring.measure([], self._clock.now())
            return
        if self._told is None:
            self._told = await self._last_told()
        as_of = self._clock.now()
        found = await tallies(self._engine, self._measuring.due(as_of))
        self._measuring.measure(found, as_of)
        waits = backlogs(found, as_of)
        gone = [TenantBacklog(tenant=tenant, as_of=as_of) for tenant in self._told.keys() - waits.keys()]
        news = [backlog for backlog in waits.values() if _differs(backlog, self._told.get(backlog.tenant))]
        if news or gone:
            await self._publisher.publish(*news, *gone)
        self._told = waits

    async def _last_told(self) -> dict[str, TenantBacklog]:
        """Tenants of whom something waited when somebody told last."""
        told: dict[str, TenantBacklog] = {}
        for partition, (first, end) in (await self._log.bounds(TenantBacklog.TOPIC)).items():
            offset = first
            while offset < end and (records := await self._log.read(partition, offset=offset, max_records=BATCH)):
                for record in records:
                    try:
                        backlog = decode(record.value).data
                    except Invalid:
                        continue
                    if isinstance(backlog, TenantBacklog):
                        told[backlog.tenant] = backlog
                offset = records[-1].offset + 1
        return {tenant: backlog for tenant, backlog in told.items() if _waits(backlog)}


def _waits(backlog: TenantBacklog) -> bool:
    lanes: tuple[Lane, ...] = ("interactive", "bulk")
    return any(backlog.of(lane).recordings for lane in lanes)


def _differs(backlog: TenantBacklog, told: TenantBacklog | None) -> bool:
    return told is None or (backlog.interactive, backlog.bulk) != (told.interactive, told.bulk)
