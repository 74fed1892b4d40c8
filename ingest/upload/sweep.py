"""Finishes or removes what a crash left of an upload, and forgets old Idempotency-Keys.

Only ``uploads/`` is listed, which holds unfinished uploads and recent keys, and what the store has
of open uploads in parts; never the whole store. Any number of processes may sweep: every step does
nothing when it was done before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from ingest.parts.leftovers import Leftovers
from ingest.upload.accepting import original_of, remove_upload
from ingest.upload.idempotency import WINDOW_S
from polyvox import keys, metrics
from polyvox.contracts import MediaUploaded
from polyvox.errors import NotFound, PolyvoxError
from polyvox.metrics import Metrics
from polyvox.ports import Clock, ObjectInfo, ObjectStore
from polyvox.publish import Publisher

log = logging.getLogger(__name__)

SWEEP = "uploads"
EVERY_S = 300.0
UNFINISHED_AFTER_S = 900.0
"""Between the pending object and its removal lie one commit, one small put and one append; a
store may take minutes to commit a large original, and nothing is taken from under it."""


@dataclass(slots=True)
class Swept:
    """What one sweep did."""

    announced: int = 0
    removed: int = 0
    forgotten_keys: int = 0
    expired: int = 0
    """Uploads in several requests that nobody completed in time, and what was left of such."""
    found: int = field(default=0, compare=False)
    """Unfinished uploads that were old enough to be looked at, whatever came of them."""


@dataclass(frozen=True, slots=True)
class Sweep:
    store: ObjectStore
    publisher: Publisher
    clock: Clock
    in_parts: Leftovers
    counters: Metrics = field(default_factory=metrics.process_metrics)
    unfinished_after_s: float = UNFINISHED_AFTER_S
    idempotency_window_s: float = WINDOW_S

    async def run(self, stopping: asyncio.Event, *, every_s: float = EVERY_S) -> None:
        """Sweep now and every ``every_s`` until ``stopping`` is set; trouble is logged and tried again."""
        while not stopping.is_set():
            try:
                swept = await self.once()
            except PolyvoxError as error:
                log.warning("the sweep was broken off and will be tried again: %s", error)
            else:
                self._count(swept)
                if swept != Swept():
                    log.info("the sweep finished what was left over: %s", swept)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), every_s)

    async def once(self) -> Swept:
        """Raises Transient when store or log is in trouble."""
        swept = Swept()
        async for info in self.store.list(keys.PENDING_UPLOADS):
            if self._age_s(info) > self.unfinished_after_s:
                swept.found += 1
                await self._resolve(info, swept)
        async for info in self.store.list(keys.IDEMPOTENCY_RECORDS):
            if self._age_s(info) > self.idempotency_window_s:
                await self.store.delete(info.key)
                swept.forgotten_keys += 1
        swept.expired = await self.in_parts.remove_old()
        return swept

    def _count(self, swept: Swept) -> None:
        repairs = {
            "announced": swept.announced,
            "removed": swept.removed,
            "forgotten-key": swept.forgotten_keys,
            "expired": swept.expired,
        }
        for repair, objects in repairs.items():
            self.counters.add(metrics.SWEEP_REPAIRS, objects, sweep=SWEEP, repair=repair)
        self.counters.set(metrics.ORPHANS, swept.found, sweep=SWEEP, kind="upload")
        self.counters.set(metrics.ORPHANS, swept.expired, sweep=SWEEP, kind="expired-upload")
        self.counters.set(metrics.SWEEP_DONE, self.clock.now().timestamp(), sweep=SWEEP)

    def _age_s(self, info: ObjectInfo) -> float:
        return (self.clock.now() - info.modified_at).total_seconds()

    async def _resolve(self, pending: ObjectInfo, swept: Swept) -> None:
        media_id = pending.key.removeprefix(keys.PENDING_UPLOADS).removesuffix(".json")
        try:
            fact = MediaUploaded.model_validate_json(await self.store.get(keys.upload_manifest(media_id)))
            await self.store.head(fact.original.key)
        except NotFound:
            await self._resolve_unnoted(media_id, swept)
            return
        await self.publisher.publish(fact)
        await self.store.delete(pending.key)
        swept.announced += 1

    async def _resolve_unnoted(self, media_id: str, swept: Swept) -> None:
        match await self.in_parts.resolve(media_id):
            case "announced":
                swept.announced += 1
            case "open":
                await self.store.delete(keys.pending_upload(media_id))
            case "none":
                await self._remove(media_id, swept)

    async def _remove(self, media_id: str, swept: Swept) -> None:
        try:
            # A retry with the same Idempotency-Key may have come in the meantime.
            pending = await self.store.head(keys.pending_upload(media_id))
            original = await original_of(self.store, media_id)
        except NotFound:
            return
        if self._age_s(pending) > self.unfinished_after_s:
            await remove_upload(self.store, media_id, original)
            swept.removed += 1
