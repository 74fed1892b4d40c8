"""Removes what is older than its tenant keeps it, a page of each tenant at a time.

Any number of processes may sweep: each recording is looked at once more while its row is locked, and everything that is
done was done before does nothing. What a crash leaves half removed the projection's sweep finishes, whatever the limits
are by then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from polyvox import metrics
from polyvox.errors import PolyvoxError
from polyvox.metrics import Metrics
from polyvox.ports import Clock
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from results_api.database.database import Database
from results_api.database.retained import RETENTION
from results_api.projection.audio_removal import AudioRemoval
from results_api.projection.deletion import Deletion
from results_api.retention import due
from results_api.retention.due import Due
from results_api.retention.limits import WHATS, Limits, What, may_go

log = logging.getLogger(__name__)

SWEEP = "retention"
EVERY_S = 600.0
AGAIN_S = 1.0
"""Until the next sweep while there is more to remove."""
LOOK_S = 2.0
"""How often a process that is not the one to sweep looks whether it has become that."""
PAGE = 200
AT_ONCE = 8


@dataclass(slots=True)
class Swept:
    """What one sweep did. ``more``: a tenant has more that is due."""

    removed: dict[What, int] = field(default_factory=lambda: dict.fromkeys(WHATS, 0))
    put_off: int = 0
    more: bool = False
    overdue_s: dict[What, float] = field(default_factory=lambda: dict.fromkeys(WHATS, 0.0))
    """By how long the oldest that was found had outstayed its limit."""


@dataclass(slots=True)
class Retention:
    """``mine`` says whether this process is the one to sweep; others would do the same work without harm."""

    database: Database
    deletion: Deletion
    audio: AudioRemoval
    clock: Clock
    limits: Limits
    mine: Callable[[], bool] = lambda: True
    counters: Metrics = field(default_factory=metrics.process_metrics)
    classes: TenantClasses = EVERYBODY_ALIKE
    page: int = PAGE
    _reached: dict[tuple[What, str], Due] = field(default_factory=dict, init=False)
    """Where the next sweep goes on, so that what cannot be removed does not stand before the rest."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while not self.limits.are_none:
            pause_s = LOOK_S
            if self.mine():
                try:
                    swept = await self.once()
                    pause_s = AGAIN_S if swept.more else EVERY_S
                except PolyvoxError as error:
                    log.warning("the sweep of what is too old is put off: %s", error)
                    pause_s = 60.0
            await self.clock.sleep(pause_s)

    async def once(self) -> Swept:
        """Remove a page of what is due of each tenant. Raises Unavailable when the database is in trouble."""
        swept = Swept()
        everybody = await due.tenants(self.database) if any(map(self.limits.of_everybody, WHATS)) else None
        for what in WHATS:
            for tenant in self.limits.named(what) if everybody is None else everybody:
                await self._of(what, tenant, swept)
        for what in WHATS:
            self.counters.set(metrics.RETENTION_OVERDUE, swept.overdue_s[what], what=what)
        self.counters.set(metrics.SWEEP_DONE, self.clock.now().timestamp(), sweep=SWEEP)
        if any(swept.removed.values()) or swept.put_off:
            log.info("removed what was too old: %s", swept)
        return swept

    async def _of(self, what: What, tenant: str, swept: Swept) -> None:
        age = self.limits.age(what, tenant)
        if age is None:
            return
        before = self.clock.now() - age
        reached = self._reached.pop((what, tenant), None)
        found = await due.page(self.database, what, tenant, before, limit=self.page, after=reached)
        if not found:
            return
        overdue_s = (before - found[0].created_at).total_seconds()
        swept.overdue_s[what] = max(swept.overdue_s[what], overdue_s)
        slots = asyncio.Semaphore(AT_ONCE)
        gone = sum(await asyncio.gather(*(self._remove(what, one.media_id, before, slots, swept) for one in found)))
        swept.removed[what] += gone
        self.counters.add(metrics.RETENTION_REMOVED, gone, what=what, tenant_class=self.classes.of(tenant))
        if len(found) == self.page:
            self._reached[what, tenant] = found[-1]
            swept.more = True

    async def _remove(
        self, what: What, media_id: str, before: datetime, slots: asyncio.Semaphore, swept: Swept
    ) -> bool:
        async with slots:
            remove = self.audio.remove if what == "audio" else self.deletion.delete
            try:
                return await remove(media_id, because=RETENTION, only=lambda known: may_go(known, before))
            except PolyvoxError as error:
                # One recording in trouble must not keep the sweep from the others.
                log.warning("removing the %s of %s is put off: %s", what, media_id, error)
                swept.put_off += 1
                return False
