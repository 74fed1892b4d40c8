"""One object of a watched bucket: looked at, held back or made a recording, once and never again."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ingest.admission import Admission
from ingest.bucket import names, wishes
from ingest.bucket.batches import Batches
from ingest.bucket.found import Found
from ingest.bucket.held import Held
from ingest.bucket.ledger import Taking, patiently
from ingest.bucket.sidecars import Sidecars
from ingest.bucket.watches import SIDECAR, Watch, Watches
from ingest.upload.options import Known, clean_filename
from polyvox.contracts import MediaUploaded, Options
from polyvox.contracts.envelope import Lane
from polyvox.contracts.media_uploaded import Refused, StoredObject
from polyvox.errors import Invalid, NotFound
from polyvox.metrics import BUCKET_HELD, BUCKET_OBJECTS, Metrics
from polyvox.ports import Clock, ObjectStore
from polyvox.tenants import TENANT_CHARS, is_name

log = logging.getLogger(__name__)

Source = Literal["log", "held", "sweep"]
Outcome = Literal["accepted", "refused", "repeat", "held", "ignored", "sidecar", "gone"]


class Intake:
    """Takes objects in, whoever tells of them and however often. ``at_once`` bounds what is under way.

    Trouble with store and log is waited out, so a call may take as long as that lasts.
    """

    def __init__(
        self,
        watches: Watches,
        *,
        known: Known,
        store_of: Callable[[str | None], ObjectStore],
        batches: Batches,
        admission: Admission,
        clock: Clock,
        metrics: Metrics,
        at_once: int,
    ) -> None:
        self.watches = watches
        self.held = Held()
        self._known = known
        self._store_of = store_of
        self._batches = batches
        self._admission = admission
        self._clock = clock
        self._metrics = metrics
        self._sidecars = Sidecars(clock)
        self._room = asyncio.Semaphore(at_once)

    async def take(self, found: Found, source: Source) -> Outcome:
        """What became of it. Its event is on the log, or will be, when this says accepted, refused or repeat.

        Raises:
            Transient: the process stops before that.
        """
        outcome = await self._take(found, source)
        self._metrics.add(BUCKET_OBJECTS, source=source, outcome=outcome)
        return outcome

    async def take_held(self) -> int:
        """Take what was held back and has room by now, the oldest first and the tenants in turn; how many."""
        taken = 0
        while popped := self.held.pop(self._has_room):
            await asyncio.gather(*(self.take(found, "held") for _, found in popped))
            taken += len(popped)
        self._metrics.set(BUCKET_HELD, len(self.held))
        return taken

    async def _take(self, found: Found, source: Source) -> Outcome:
        watch = self.watches.responsible_for(found.bucket, found.key)
        if watch is None:
            return "ignored"
        sort = watch.sort_of(found.key, found.size_bytes)
        if sort == "sidecar":
            self._sidecars.arrived(found.bucket, found.key)
        if sort != "recording":
            return sort
        await self._sidecars.wait(watch, found)
        async with self._room:
            holder = (watch.tenant_of(found.key), watch.lane)
            is_behind = source != "held" and self.held.has_any(holder)
            if is_behind or not self._has_room(*holder):
                self.held.add(holder, found)
                return "held"
            complete = await self._looked_at(watch, found)
            if complete is None:
                return "gone"
            taking = await self._recording(watch, complete)
            if not await self._batches.take(taking):
                return "repeat"
            self._admission.accepted(taking.fact)
            return "accepted" if taking.fact.refused is None else "refused"

    def _has_room(self, tenant: str, lane: Lane) -> bool:
        return self._admission.room(tenant, lane) is None

    async def _looked_at(self, watch: Watch, found: Found) -> Found | None:
        """With all there is to know; None when it is gone, or another object is in its place.

        A notification of an object in a bucket without versions mostly says it all.
        """
        lacks = found.is_listed or not found.etag or found.size_bytes is None or found.version is not None
        if not lacks and not (watch.metadata and found.metadata is None):
            return found
        store = self._store_of(found.bucket)
        try:
            info = await patiently(self._clock, lambda: store.head(found.key, version=found.version))
        except NotFound:
            return None
        if not found.is_listed and found.version is None and found.etag not in ("", info.etag):
            # What is there now has its own notification, or will be found by the sweep.
            return None
        return dataclasses.replace(
            found,
            told_at=info.modified_at,
            size_bytes=info.size_bytes,
            etag=info.etag,
            version=info.version,
            content_type=info.content_type,
            metadata=info.metadata,
        )

    async def _recording(self, watch: Watch, found: Found) -> Taking:
        version = found.version or found.etag
        options, refused = Options(), None
        tenant = watch.tenant_of(found.key)
        try:
            if not is_name(tenant):
                raise _no_tenant(tenant)
            options = wishes.asked_for(await self._asked(watch, found), self._known)
        except Invalid as error:
            refused = Refused(code=error.code, reason=f"{error.reason} The object is {found}.")
        media_id = names.media_id_of(found.bucket, found.key, version)
        modified_at = found.told_at if found.version else None
        hint = names.hint_of(found.key, found.etag, modified_at)
        fact = MediaUploaded(
            media_id=media_id,
            # Whoever owns the prefix sees what is refused for want of an owner.
            tenant=tenant if is_name(tenant) else watch.tenant,
            lane=watch.lane,
            original=StoredObject(
                bucket=found.bucket,
                key=found.key,
                version=version,
                size_bytes=found.size_bytes or 0,
                content_type=found.content_type or "application/octet-stream",
            ),
            filename=clean_filename(found.key),
            options=options,
            uploaded_at=self._clock.now(),
            refused=refused,
        )
        return Taking(fact=fact, ledger_key=names.ledger_key(found.bucket, found.key, hint, media_id))

    async def _asked(self, watch: Watch, found: Found) -> list[Mapping[str, Any]]:
        """What is asked for, by whom it matters least first. Raises Invalid for a sidecar that says nothing."""
        layers: list[Mapping[str, Any]] = [watch.options]
        if watch.metadata:
            layers.append(wishes.of_names(found.metadata or {}))
        store = self._store_of(found.bucket)
        if watch.tags:
            try:
                tags = await patiently(self._clock, lambda: store.tags(found.key, version=found.version))
                layers.append(wishes.of_names(tags))
            except NotFound:
                log.info("an object of the prefix %s is gone before its tags could be read", watch)
        if watch.sidecars:
            try:
                layers.append(wishes.of_sidecar(await patiently(self._clock, lambda: _head_of(store, found.key))))
            except NotFound:
                return layers
        return layers


def _no_tenant(folder: str) -> Invalid:
    reason = f"The folder {folder[:100]!r} names no tenant: a name has 1 to {TENANT_CHARS} printable ASCII characters."
    return Invalid(reason, code="bad-tenant")


async def _head_of(store: ObjectStore, key: str) -> bytes:
    """The sidecar's bytes, or just more than it may have. Raises NotFound."""
    end = wishes.SIDECAR_BYTES_MAX + 1
    return b"".join([chunk async for chunk in store.stream(key + SIDECAR, end=end, chunk_bytes=end)])
