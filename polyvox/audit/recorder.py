"""Notes requests and writes them to the log: reads some time within a second, all else before it is answered.

What is the same but for its time is one entry with a count, so whoever reads a transcript a thousand times a second
writes one entry a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from polyvox.contracts.audited import Audited, AuditedAction, AuditedOutcome
from polyvox.errors import PolyvoxError
from polyvox.ids import new_media_id
from polyvox.metrics import AUDIT_ENTRIES, Metrics
from polyvox.ports import Clock
from polyvox.publish import Publisher

log = logging.getLogger(__name__)

EVERY_S = 1.0
PATIENCE_S = 2.0
"""How long an answer waits for its entry while the log is in trouble."""
WAITING_MAX = 50_000
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Noted:
    """What is told of a request; see ``Audited``."""

    action: AuditedAction
    method: str
    route: str
    status: int
    address: str
    key_id: str | None = None
    tenant: str | None = None
    media_id: str | None = None

    @property
    def outcome(self) -> AuditedOutcome:
        if self.status >= 500:
            return "failed"
        return "refused" if self.status >= 400 else "done"


@dataclass(slots=True)
class _Entry:
    """``id`` stays when it has to be written again, for a log that is in trouble may have taken it."""

    id: str
    at: datetime
    count: int = 1


class Recorder:
    """``counters`` gives where to count: the process's sink is chosen after this is made."""

    def __init__(self, publisher: Publisher, clock: Clock, *, counters: Callable[[], Metrics]) -> None:
        self._publisher = publisher
        self._clock = clock
        self._counters = counters
        self._waiting: dict[Noted, _Entry] = {}
        self._hurry = asyncio.Event()
        self._written: asyncio.Future[None] | None = None
        self._in_trouble = False
        self._is_over = False

    def note(self, noted: Noted) -> None:
        """To be written within a second or so."""
        entry = self._waiting.get(noted)
        if entry is not None:
            entry.count += 1
        elif len(self._waiting) < WAITING_MAX:
            now = self._clock.now()
            self._waiting[noted] = _Entry(new_media_id(now), now)
        else:
            self._counters().add(AUDIT_ENTRIES, outcome="lost")

    async def noted(self, noted: Noted) -> None:
        """Returns when it is written, or after a while of trouble: it will be then."""
        self.note(noted)
        if self._written is None or self._written.done():
            self._written = asyncio.get_running_loop().create_future()
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._written), PATIENCE_S)

    async def run(self) -> None:
        """Write what is noted, until ``stop``, and the rest then."""
        while not self._is_over:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), EVERY_S)
            await self.flush()
            if self._in_trouble and not self._is_over:
                await self._clock.sleep(EVERY_S)

    def stop(self) -> None:
        """Write what waits and no more."""
        self._is_over = True
        self._hurry.set()

    async def flush(self) -> None:
        """Write all that is noted; what the log does not take waits for the next time."""
        self._hurry.clear()
        written, self._written = self._written, None
        taken, self._waiting = self._waiting, {}
        try:
            entries = [_audited(noted, entry) for noted, entry in taken.items()]
            for start in range(0, len(entries), BATCH):
                await self._publisher.publish(*entries[start : start + BATCH])
        except PolyvoxError as error:
            if not self._in_trouble:
                log.warning("the audit trail cannot be written for now, and waits: %s", error)
            self._in_trouble = True
            self._keep(taken)
        else:
            self._in_trouble = False
            if entries:
                self._counters().add(AUDIT_ENTRIES, len(entries), outcome="written")
            if written is not None and not written.done():
                written.set_result(None)

    def _keep(self, taken: dict[Noted, _Entry]) -> None:
        for noted, entry in self._waiting.items():
            if noted in taken:
                taken[noted].count += entry.count
            elif len(taken) < WAITING_MAX:
                taken[noted] = entry
            else:
                self._counters().add(AUDIT_ENTRIES, outcome="lost")
        self._waiting = taken


def _audited(noted: Noted, entry: _Entry) -> Audited:
    return Audited(
        id=entry.id,
        at=entry.at,
        key_id=noted.key_id,
        tenant=noted.tenant,
        action=noted.action,
        outcome=noted.outcome,
        media_id=noted.media_id,
        method=noted.method,
        route=noted.route,
        status=noted.status,
        address=noted.address,
        count=entry.count,
    )
