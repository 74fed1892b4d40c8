"""Sends uploads away, before their bytes come, while enough work of their tenant waits."""

from __future__ import annotations

import asyncio
import logging

from ingest.admission import Admission, Full
from ingest.backlog import EVERY_S, Follower
from ingest.upload import refusals
from polyvox.contracts import Lane
from polyvox.errors import PolyvoxError
from polyvox.service import Runtime

log = logging.getLogger(__name__)


class Gate:
    """Asks the log for news at most once a second, and only while there are uploads.

    While the log is away the last known state stands: an upload fails then for a better reason.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.admission = Admission.of(runtime.settings, runtime.clock)
        self._clock = runtime.clock
        self._follower = Follower(runtime.log, self.admission)
        self._asked_s: float | None = None
        self._asking = asyncio.Lock()

    async def admit(self, tenant: str, *lanes: Lane) -> None:
        """To be asked with the lane of an upload, or with all it may be in.

        Raises:
            Problem: 429, none of the lanes has room.
        """
        await self._hear()
        full = [self.admission.room(tenant, lane) for lane in lanes]
        if all(full):
            raise refusals.backlog_full(min(filter(None, full), key=_wait_s))

    def accepted(self, tenant: str, lane: Lane, size_bytes: int) -> None:
        """To be told of every upload that is on the log."""
        self.admission.let_in(tenant, lane, size_bytes)

    async def _hear(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._asking.locked() or (self._asked_s is not None and now_s - self._asked_s < EVERY_S):
            return
        async with self._asking:
            self._asked_s = now_s
            try:
                await self._follower.catch_up()
            except PolyvoxError as error:
                log.warning("the backlog of tenants is not known for now: %s", error)


def _wait_s(full: Full) -> float:
    return full.retry_after_s
