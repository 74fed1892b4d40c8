"""Parts become a recording: joined, looked at, noted, announced, and only then acknowledged.

Every step finds out by itself whether it was done before, so that completing an upload twice, at the
same time or after a crash, makes the same recording. From the join on a pending object stands for what
is being done, as with every upload (ingest/upload/accepting.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.parts import refusals
from ingest.parts.check import checked_parts
from ingest.parts.session import Session
from ingest.parts.sessions import Sessions
from ingest.upload.accepting import clear_pending, exists, mark_pending, note, remove_upload
from ingest.upload.refusals import empty_file, not_media
from ingest.upload.sniff import SNIFF_BYTES, sniff
from ingest.upload.uploads import UPLOAD, Accepted
from polyvox import keys, tracing
from polyvox.contracts import MediaUploaded
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.errors import AlreadyExists, Invalid, NotFound
from polyvox.http import Problem
from polyvox.publish import Publisher

NO_ETAGS: Mapping[int, str] = {}


@dataclass(frozen=True, slots=True)
class Completion:
    sessions: Sessions
    publisher: Publisher

    async def complete(
        self, session: Session, etags: Mapping[int, str] = NO_ETAGS, *, traceparent: str | None = None
    ) -> Accepted:
        """Accept the upload; ``etags`` as in :func:`checked_parts`.

        Raises:
            Problem: 409, parts are missing or wrong, and can be sent again; 400 or 415, the recording
                is refused and nothing of it is left; 404, it is gone; 503, another request completes it.
            Transient: store or log is in trouble; completing it again goes on from there.
        """
        if session.completed_at is not None:
            return Accepted(session.upload_id, replayed=True)
        parent = tracing.parse(traceparent) if traceparent else None
        with tracing.doing(UPLOAD, self.sessions.clock, parent=parent, media_id=session.upload_id):
            return await self._completed(session, etags)

    async def _completed(self, session: Session, etags: Mapping[int, str]) -> Accepted:
        if session.size_bytes == 0:
            await self.sessions.remove(session)
            raise empty_file()
        store, original = self.sessions.store, session.original_key
        try:
            stored = await store.parts(original, session.store_upload)
        except NotFound:
            # They were joined before, by a request whose answer was lost or that goes on right now.
            return await self._accept(session)
        parts = checked_parts(session, stored, etags)
        await mark_pending(store, session.upload_id, original)
        try:
            await store.join_parts(original, session.store_upload, parts, if_absent=True)
        except NotFound:
            pass
        except AlreadyExists:
            await store.drop_parts(original, session.store_upload)
        except Invalid as error:
            raise refusals.parts_changed() from error
        return await self._accept(session)

    async def _accept(self, session: Session) -> Accepted:
        """The rest, from where the original is there as one."""
        store, media_id = self.sessions.store, session.upload_id
        try:
            info = await store.head(session.original_key)
            start = b"".join([chunk async for chunk in store.stream(info.key, end=SNIFF_BYTES)])
        except NotFound:
            return await self._without_original(session)
        media_type = sniff(start)
        if media_type is None:
            await remove_upload(store, media_id, session.original_key)
            await self.sessions.remove(session)
            raise not_media()
        fact = await note(
            store,
            MediaUploaded(
                media_id=media_id,
                tenant=session.tenant,
                lane=session.lane,
                original=StoredObject(key=info.key, size_bytes=info.size_bytes, content_type=media_type),
                filename=session.filename,
                options=session.options,
                uploaded_at=self.sessions.clock.now(),
            ),
        )
        await self.publisher.publish(fact)
        await self.sessions.settle(session)
        await clear_pending(store, media_id)
        return Accepted(media_id)

    async def _without_original(self, session: Session) -> Accepted:
        try:
            now = await self.sessions.get(session.upload_id)
        except Problem as gone:
            raise refusals.no_upload() from gone
        if now.completed_at is not None:
            # Another request was quicker, and the recording may have been deleted since.
            return Accepted(session.upload_id, replayed=True)
        if await exists(self.sessions.store, keys.pending_upload(session.upload_id)):
            # Its parts may be on their way to becoming the original; if nobody lives who does that, the sweep will see.
            raise refusals.being_completed()
        await self.sessions.remove(session)
        raise refusals.no_upload()
