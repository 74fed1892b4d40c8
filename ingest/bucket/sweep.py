"""Lists the watched prefixes again and again and takes in what no notification told of.

Notifications are lossy, and some stores have none. A sweep relies on nothing but the bucket and the ledger:
it remembers nothing between two listings but when the last one was, in bucket/sweeps/{watch}.json, so
that several processes do not all list the same prefix.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from ingest.bucket import names
from ingest.bucket.compare import Stale, compare
from ingest.bucket.found import Found
from ingest.bucket.intake import Intake
from ingest.bucket.ledger import JSON, Entry
from ingest.bucket.pace import pause_s
from ingest.bucket.watches import Watch
from polyvox import keys
from polyvox.errors import NotFound, PolyvoxError
from polyvox.metrics import BUCKET_SWEEP_DONE, BUCKET_SWEEP_DURATION, BUCKET_SWEEP_LISTED, Metrics
from polyvox.ports import Clock, ObjectInfo, ObjectStore

log = logging.getLogger(__name__)

LEDGER_KEPT = timedelta(days=30)
"""Longer than any queue keeps a notification: one that comes later could bring a deleted recording back."""
AT_ONCE = 256
"""Objects that one sweep has given to the intake and waits for."""
LISTINGS_AT_ONCE = 2
LOOK_EVERY_S = 1.0


class Swept(BaseModel):
    """What one sweep did; kept in the store for the processes that need not sweep then."""

    model_config = ConfigDict(frozen=True)

    began_at: datetime
    took_s: float
    pause_s: float
    listed: int
    accepted: int
    found: int
    """Accepted, held back, or too young: the reason to come back soon."""
    forgotten: int = 0
    """Entries of the ledger whose objects are long gone."""

    @property
    def ended_at(self) -> datetime:
        return self.began_at + timedelta(seconds=self.took_s)


@dataclass(slots=True)
class _Tally:
    listed: int = 0
    listing_s: float = 0.0
    accepted: int = 0
    found: int = 0
    forgotten: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Sweeps on behalf of one process. Any number of them may; each object is taken once all the same."""

    intake: Intake
    store: ObjectStore
    store_of: Callable[[str | None], ObjectStore]
    clock: Clock
    metrics: Metrics
    every_s: float
    at_most_s: float
    listings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LISTINGS_AT_ONCE))

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep all watched prefixes until ``stopping`` is set; trouble is logged and tried again."""
        async with asyncio.TaskGroup() as group:
            for watch in self.intake.watches:
                group.create_task(self._keep_sweeping(watch, stopping), name=f"sweep of {watch}")

    async def once(self, watch: Watch, *, last_pause_s: float = 0.0) -> Swept:
        """List one prefix and take in what was missed. Raises Transient."""
        began_at, began_s = self.clock.now(), self.clock.monotonic_s()
        tally = _Tally()
        left_out = self.intake.held.left_out
        left_out -= {holder for holder in left_out if watch.may_be_for(*holder)}
        bucket = self.store_of(watch.bucket)
        ledger = names.ledger_prefix(watch.bucket, watch.prefix)
        items = compare(watch.bucket, bucket.list(watch.prefix), self.store.list(ledger))
        try:
            async with contextlib.aclosing(items):
                asked_s = began_s
                async for item in items:
                    tally.listing_s += self.clock.monotonic_s() - asked_s
                    if isinstance(item, Stale):
                        await self._forget(item.info, tally)
                    else:
                        tally.listed += 1
                        if not item.is_taken:
                            await self._offer(watch, item.info, tally)
                    asked_s = self.clock.monotonic_s()
        finally:
            await _all_done(tally)
        took_s = self.clock.monotonic_s() - began_s
        swept = Swept(
            began_at=began_at,
            took_s=took_s,
            pause_s=pause_s(
                found=tally.found,
                took_s=tally.listing_s,
                last_s=last_pause_s,
                every_s=self.every_s,
                at_most_s=self.at_most_s,
            ),
            listed=tally.listed,
            accepted=tally.accepted,
            found=tally.found,
            forgotten=tally.forgotten,
        )
        self.metrics.observe(BUCKET_SWEEP_DURATION, took_s)
        self.metrics.add(BUCKET_SWEEP_LISTED, tally.listed)
        self.metrics.set(BUCKET_SWEEP_DONE, self.clock.now().timestamp(), watch=watch.name)
        return swept

    async def _keep_sweeping(self, watch: Watch, stopping: asyncio.Event) -> None:
        last_pause_s = 0.0
        own: Swept | None = None
        while not stopping.is_set():
            try:
                async with self.listings:
                    last = await self._last(watch)
                    if last is not None and last != own and self._will_do(last, is_first=own is None):
                        swept = last
                    else:
                        swept = own = await self.once(watch, last_pause_s=last_pause_s)
                        await self._note(watch, swept)
                if swept.accepted or swept.forgotten:
                    log.info("the sweep of %s: %s", watch, swept)
            except PolyvoxError as error:
                log.warning("the sweep of %s was broken off and will be tried again: %s", watch, error)
                await self._pause(watch, self.every_s, stopping)
                continue
            last_pause_s = swept.pause_s
            left_s = swept.pause_s - (self.clock.now() - swept.ended_at).total_seconds()
            if own is None:
                left_s = min(left_s, self.every_s)
            # So that processes that began together do not stay together.
            await self._pause(watch, left_s * random.uniform(1.0, 1.1), stopping)  # noqa: S311 - not for secrecy

    def _will_do(self, last: Swept, *, is_first: bool) -> bool:
        """Whether somebody else has just been there. What a process held back that has ended, nobody knows."""
        until = last.ended_at + timedelta(seconds=self.every_s if is_first else last.pause_s)
        return until > self.clock.now() and not last.found

    async def _pause(self, watch: Watch, seconds: float, stopping: asyncio.Event) -> None:
        """Wait, but not if the intake has room for more than is remembered of what was held back."""
        held = self.intake.held
        end_s = self.clock.monotonic_s() + seconds
        while not stopping.is_set() and (left_s := end_s - self.clock.monotonic_s()) > 0:
            await self.clock.sleep(min(left_s, LOOK_EVERY_S))
            if any(watch.may_be_for(*holder) and not held.has_any(holder) for holder in held.left_out):
                return

    async def _offer(self, watch: Watch, info: ObjectInfo, tally: _Tally) -> None:
        if self.intake.watches.responsible_for(watch.bucket, info.key) is not watch:
            return
        if watch.sort_of(info.key, info.size_bytes) != "recording":
            return
        if (self.clock.now() - info.modified_at).total_seconds() < watch.settle_s:
            # Its notification is on its way, or its sidecar.
            tally.found += 1
            return
        found = Found(watch.bucket, info.key, info.modified_at, info.size_bytes, info.etag, is_listed=True)
        while len(tally.tasks) >= AT_ONCE:
            await asyncio.wait(tally.tasks, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._take(found, tally))
        tally.tasks.add(task)
        task.add_done_callback(tally.tasks.discard)

    async def _take(self, found: Found, tally: _Tally) -> None:
        outcome = await self.intake.take(found, "sweep")
        tally.found += outcome in ("accepted", "refused", "held")
        tally.accepted += outcome in ("accepted", "refused")

    async def _forget(self, info: ObjectInfo, tally: _Tally) -> None:
        """Remove an entry when its object is gone so long that nothing will tell of it again.

        That of a deleted recording stays: who puts the same bytes there again does not bring it back.
        """
        if self.clock.now() - info.modified_at < LEDGER_KEPT:
            return
        try:
            entry = Entry.model_validate_json(await self.store.get(info.key))
        except NotFound:
            return
        except ValidationError:
            log.warning("%s is no entry of the ledger; remove it", info.key)
            return
        source, version = self.store_of(entry.bucket), entry.version or None
        if not await _exists(source, entry.key, version) and await _exists(
            self.store, keys.upload_manifest(entry.media_id)
        ):
            await self.store.delete(info.key)
            tally.forgotten += 1

    async def _last(self, watch: Watch) -> Swept | None:
        try:
            return Swept.model_validate_json(await self.store.get(keys.bucket_sweep(watch.name)))
        except (NotFound, ValidationError):
            return None

    async def _note(self, watch: Watch, swept: Swept) -> None:
        body = swept.model_dump_json().encode()
        await self.store.put(keys.bucket_sweep(watch.name), body, content_type=JSON)


async def _all_done(tally: _Tally) -> None:
    """Wait for what was offered; raises what one of them raised."""
    if tally.tasks:
        await asyncio.gather(*tally.tasks)


async def _exists(store: ObjectStore, key: str, version: str | None = None) -> bool:
    try:
        await store.head(key, version=version)
    except NotFound:
        return False
    return True
