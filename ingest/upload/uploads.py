"""Accepting uploads whose bytes come in one request: stored, then noted, then on the log, then acknowledged.

ingest/upload/accepting.py has the objects in their order; with an Idempotency-Key there is one more
before them, uploads/idempotency/{hash}.json (ingest/upload/idempotency.py).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ingest.upload import idempotency, refusals
from ingest.upload.accepting import clear_pending, exists, mark_pending, note, remove_upload
from ingest.upload.idempotency import Claim, Fingerprint
from ingest.upload.receiver import Receiver
from polyvox import keys, tracing
from polyvox.contracts import MediaUploaded
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.errors import AlreadyExists, NotFound
from polyvox.http import Problem
from polyvox.http.problems import unavailable
from polyvox.ids import new_media_id
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from polyvox.tracing import Work

log = logging.getLogger(__name__)

UPLOAD = "upload"
"""The first span of a recording's trace, whichever way it came."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """``replayed``: an earlier request with the same Idempotency-Key had been stored already."""

    media_id: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Uploads:
    """Takes uploads in. Safe to use from many requests and many processes at the same time."""

    store: ObjectStore
    publisher: Publisher
    clock: Clock

    async def accept(self, upload: Receiver, *, tenant: str, traceparent: str | None = None) -> Accepted:
        """Store and announce one upload; ``traceparent`` is the caller's trace (W3C).

        Raises:
            Problem: the upload is refused; nothing of it is left.
            Transient: store or log is in trouble; nothing of it is left that the sweep does not remove.
        """
        await upload.open()
        media_id = new_media_id(self.clock.now())
        original = keys.of_tenant(tenant, keys.original(media_id))
        try:
            with self._work(media_id, traceparent):
                await self._store_original(upload, media_id, original)
                fact = await note(self.store, self._fact(upload, media_id, tenant, original))
                await self.publisher.publish(fact)
        except BaseException:
            await self._undo(media_id, original)
            raise
        await clear_pending(self.store, media_id)
        return Accepted(media_id)

    async def accept_once(
        self, upload: Receiver, *, tenant: str, idempotency_key: str, traceparent: str | None = None
    ) -> Accepted:
        """As :meth:`accept`, but any number of requests with one key make one recording.

        After a failure what was stored stays: another request with the key may be relying on
        it, a retry finishes it, and if none comes the sweep does.

        Raises:
            Problem: as in :meth:`accept`; 422 when the key was used for other bytes or options,
                409 when that is being decided.
            Transient: as in :meth:`accept`.
        """
        await upload.open()
        now = self.clock.now()
        record_key = keys.idempotency_record(tenant, idempotency_key)
        fresh = Claim(media_id=new_media_id(now), claimed_at=now)
        claimed = await idempotency.claim(self.store, record_key, fresh)
        media_id = claimed.media_id
        if claimed.accepted:
            await _read_to_end(upload)
            if Fingerprint.of(upload.sha256, upload.options) != claimed.accepted:
                raise refusals.key_reused()
            return Accepted(media_id, replayed=True)
        original = keys.of_tenant(tenant, keys.original(media_id))
        with self._work(media_id, traceparent):
            replayed = await self._store_original_once(upload, media_id, original)
            offered = self._fact(upload, media_id, tenant, original)
            fact = await note(self.store, offered)
            if Fingerprint.of_fact(fact) != Fingerprint.of_fact(offered):
                raise refusals.key_reused()
            if replayed and not await exists(self.store, fact.original.key):
                raise _just_removed()
            await self.publisher.publish(fact)
        await idempotency.settle(self.store, record_key, claimed, Fingerprint.of_fact(fact))
        await clear_pending(self.store, media_id)
        return Accepted(media_id, replayed=replayed)

    def _work(self, media_id: str, traceparent: str | None) -> AbstractContextManager[Work]:
        return tracing.doing(
            UPLOAD, self.clock, parent=tracing.parse(traceparent) if traceparent else None, media_id=media_id
        )

    def _fact(self, upload: Receiver, media_id: str, tenant: str, original: str) -> MediaUploaded:
        return MediaUploaded(
            media_id=media_id,
            tenant=tenant,
            lane=upload.lane,
            original=StoredObject(
                key=original,
                size_bytes=upload.size_bytes,
                sha256=upload.sha256,
                content_type=upload.media_type,
            ),
            filename=upload.filename,
            options=upload.options,
            uploaded_at=self.clock.now(),
        )

    async def _store_original(self, upload: Receiver, media_id: str, original: str) -> None:
        with tracing.step("receive"):
            await self.store.put(
                original,
                _Uncloseable(self._body(upload, media_id, original)),
                content_type=upload.media_type,
                if_absent=True,
            )

    async def _body(self, upload: Receiver, media_id: str, original: str) -> AsyncIterator[bytes]:
        async for block in upload.blocks():
            yield block
        await mark_pending(self.store, media_id, original)

    async def _store_original_once(self, upload: Receiver, media_id: str, original: str) -> bool:
        """True when the same original was there already."""
        body = _Uncloseable(self._body(upload, media_id, original))
        try:
            with tracing.step("receive"):
                await self.store.put(original, body, content_type=upload.media_type, if_absent=True)
        except AlreadyExists:
            # The store may have said so before it read all; the fingerprint needs all.
            async for _ in body:
                pass
        else:
            return False
        try:
            stored = await self._stored_sha256(original)
        except NotFound as error:
            raise _just_removed() from error
        if stored == upload.sha256:
            return True
        accepted = await exists(self.store, keys.upload_manifest(media_id))
        raise refusals.key_reused() if accepted else refusals.key_busy()

    async def _stored_sha256(self, original: str) -> str:
        digest = hashlib.sha256()
        async for chunk in self.store.stream(original):
            digest.update(chunk)
        return digest.hexdigest()

    async def _undo(self, media_id: str, original: str) -> None:
        try:
            await remove_upload(self.store, media_id, original)
        except Exception as error:
            # What led here must come through, whatever it was: this may be the end of the process.
            log.warning("the refused upload %s could not be removed, the sweep will do it: %s", media_id, error)


def _just_removed() -> Problem:
    return unavailable("The sweep just removed an unfinished upload with this Idempotency-Key.")


async def _read_to_end(upload: Receiver) -> None:
    async for _ in upload.blocks():
        pass


class _Uncloseable:
    """An iterator that a store cannot close, so that it can be read on when the store stops early."""

    def __init__(self, blocks: AsyncIterator[bytes]) -> None:
        self._blocks = blocks

    def __aiter__(self) -> _Uncloseable:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._blocks)
