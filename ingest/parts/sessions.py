"""Sessions in the object store, so that any process can go on with any upload.

Objects of one upload that comes in several requests:
    uploads/idempotency/{hash}.json      only with an Idempotency-Key: which upload it stands for
    uploads/direct/{upload_id}.json      the session, from its beginning until some days after its end
    uploads/tails/{upload_id}/…          tus only: bytes that do not fill a part yet
    media/{upload_id}/original           in parts, seen by nobody, until the upload is completed; of other tenants
                                         than default under tenants/{tenant}/
and from then on those of every upload (ingest/upload/accepting.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from ingest.parts import refusals
from ingest.parts.session import Protocol, Session, part_bytes_for, same_request
from ingest.upload import idempotency
from ingest.upload.accepting import exists
from ingest.upload.idempotency import WINDOW_S, Claim
from ingest.upload.refusals import key_reused
from polyvox import keys
from polyvox.access.caller import sees
from polyvox.contracts import Lane, Options
from polyvox.errors import AlreadyExists, NotFound
from polyvox.ids import new_media_id
from polyvox.ports import Clock, ObjectStore, PartInfo
from polyvox.service import Runtime

SETTLED_KEPT_S = 86_400.0

_ID = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for at the beginning. ``size_bytes`` None: said later."""

    tenant: str
    size_bytes: int | None
    filename: str | None = None
    options: Options = field(default_factory=Options)
    lane: Lane = "interactive"
    protocol: Protocol = "parts"
    tus_metadata: str | None = None


@dataclass(frozen=True, slots=True)
class Sessions:
    store: ObjectStore
    clock: Clock
    expires_s: float
    max_bytes: int

    @classmethod
    def of(cls, runtime: Runtime) -> Self:
        settings = runtime.settings
        return cls(runtime.store, runtime.clock, settings.upload_expires_s, settings.max_upload_bytes)

    async def begin(self, wish: Wish, *, idempotency_key: str | None = None) -> Session:
        """A new session; with a key that was used before, the one that was begun then.

        Raises:
            Problem: 422, the key was used for something else.
            Transient: the store is in trouble.
        """
        now = self.clock.now()
        upload_id = new_media_id(now)
        record = None
        if idempotency_key is not None:
            # A key of its own kind: the same one may have been used for an upload in one request.
            record = keys.idempotency_record(wish.tenant, f"in-parts\n{idempotency_key}")
            claimed = await idempotency.claim(self.store, record, Claim(media_id=upload_id, claimed_at=now))
            upload_id = claimed.media_id
        original = keys.of_tenant(wish.tenant, keys.original(upload_id))
        fresh = Session(
            upload_id=upload_id,
            store_upload="",
            protocol=wish.protocol,
            tenant=wish.tenant,
            lane=wish.lane,
            filename=wish.filename,
            options=wish.options,
            size_bytes=wish.size_bytes,
            part_bytes=part_bytes_for(self.max_bytes if wish.size_bytes is None else wish.size_bytes),
            begun_at=now,
            expires_at=now + timedelta(seconds=self.expires_s),
            idempotency_record=record,
            tus_metadata=wish.tus_metadata,
            original=original,
        )
        if record is not None and (there := await self._find(upload_id)) is not None:
            return _the_same(there, fresh)
        # What the bytes are is known when they are all there, so no type is believed before.
        session = fresh.model_copy(update={"store_upload": await self.store.begin_parts(original)})
        try:
            await self.store.put(
                keys.upload_session(upload_id),
                session.model_dump_json().encode(),
                content_type="application/json",
                if_absent=True,
            )
        except AlreadyExists:
            # The same request, sent twice, at the same time.
            await self.store.drop_parts(original, session.store_upload)
            return _the_same(await self.get(upload_id), fresh)
        return session

    async def get(self, upload_id: str, protocol: Protocol | None = None) -> Session:
        """Raises Problem: 404, there is none (of this protocol, for who calls); 410, it is expired."""
        session = await self._find(upload_id)
        if session is None or protocol not in (None, session.protocol) or not sees(session.tenant):
            raise refusals.no_upload()
        if session.is_expired(self.clock.now()):
            raise refusals.expired()
        return session

    async def get_open(self, upload_id: str, protocol: Protocol | None = None) -> Session:
        """As :meth:`get`; raises Problem 409 when it is completed."""
        session = await self.get(upload_id, protocol)
        if session.completed_at is not None:
            raise refusals.already_completed()
        return session

    async def parts(self, session: Session) -> Sequence[PartInfo]:
        """What arrived of an upload that is not completed.

        Raises Problem: 404, the store has forgotten it.
        """
        original = session.original_key
        try:
            return await self.store.parts(original, session.store_upload)
        except NotFound as error:
            # They may be one already: a request that completes the upload is under way, or broke off.
            if await exists(self.store, original):
                return [PartInfo(number, "", session.part_size(number)) for number in session.part_numbers()]
            raise refusals.no_upload() from error

    async def replace(self, session: Session) -> None:
        await self.store.put(
            keys.upload_session(session.upload_id), session.model_dump_json().encode(), content_type="application/json"
        )

    async def settle(self, session: Session) -> None:
        """Note that the upload is accepted. Kept as long as a repeated request may come."""
        now = self.clock.now()
        kept = timedelta(seconds=SETTLED_KEPT_S if session.idempotency_record is None else WINDOW_S)
        await self.replace(session.model_copy(update={"completed_at": now, "expires_at": now + kept}))
        await self._remove_tails(session.upload_id)

    async def remove(self, session: Session) -> None:
        """Forget an upload that is not completed, with its bytes; the session last, so that no step is forgotten."""
        await self.store.drop_parts(session.original_key, session.store_upload)
        await self._remove_tails(session.upload_id)
        if session.idempotency_record is not None:
            await self.store.delete(session.idempotency_record)
        await self.store.delete(keys.upload_session(session.upload_id))

    async def _find(self, upload_id: str) -> Session | None:
        if not _ID.fullmatch(upload_id):
            return None
        try:
            return Session.model_validate_json(await self.store.get(keys.upload_session(upload_id)))
        except NotFound:
            return None

    async def _remove_tails(self, upload_id: str) -> None:
        for key in [info.key async for info in self.store.list(keys.upload_tails(upload_id))]:
            await self.store.delete(key)


def _the_same(there: Session, asked: Session) -> Session:
    if not same_request(there, asked):
        raise key_reused()
    return there
