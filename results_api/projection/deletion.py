"""Removing a recording: first it is gone for readers, then its objects go, then everybody is told.

The tombstone in the database says how far that is; what a crash leaves is finished by the
next DELETE or by the projection's sweep, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from polyvox import keys
from polyvox.contracts import MediaDeleted, MediaUploaded, wrap
from polyvox.errors import NotFound
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from results_api.database import recording as recordings
from results_api.database.database import Database
from results_api.database.recording import Recording
from results_api.projection.emptying import empty

SOURCE = "/polyvox/results-api"


async def purge(store: ObjectStore, media_id: str, tenant: str) -> None:
    """Remove every object of a recording. Raises Transient when the store is in trouble."""
    await empty(store, media_id, tenant)
    await store.delete(keys.pending_upload(media_id))


async def accepted_upload(store: ObjectStore, media_id: str) -> MediaUploaded | None:
    """The upload as ingest noted it; None when there is none of that name."""
    try:
        return MediaUploaded.model_validate_json(await store.get(keys.upload_manifest(media_id)))
    except NotFound:
        return None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What it takes to delete. Safe to use from several tasks and processes at once."""

    database: Database
    store: ObjectStore
    publisher: Publisher
    clock: Clock

    async def delete(
        self, media_id: str, *, because: str | None = None, only: Callable[[Recording], bool] = lambda _: True
    ) -> bool:
        """Delete a recording in whatever state it is; False when there is none, or it is not one of ``only``.

        ``because`` is the reason that everybody is told.

        Raises:
            Transient: not all of it is done; calling again, or the sweep, does the rest.
        """
        upload = None
        if await self.database.get(media_id) is None:
            upload = await accepted_upload(self.store, media_id)
            if upload is None:
                return False
        now = self.clock.now()

        def bury(known: Recording | None) -> Recording | None:
            known = known or (recordings.queued(upload) if upload else None)
            if known is None or not only(known):
                return None
            fact = MediaDeleted(media_id=media_id, **recordings.owner(known.view), deleted_at=now, reason=because)
            return recordings.with_event(known, wrap(fact, source=SOURCE, time=now), now)

        buried = await self.database.change(media_id, bury)
        if buried is None or buried.view.deleted_at is None:
            return False
        if not buried.removed:
            await self.finish(buried)
        return True

    async def finish(self, buried: Recording) -> None:
        """Remove the objects of a deleted recording and tell everybody. Raises Transient."""
        owner = recordings.owner(buried.view)
        await purge(self.store, buried.media_id, owner["tenant"])
        assert buried.view.deleted_at is not None
        fact = MediaDeleted(
            media_id=buried.media_id,
            **owner,
            deleted_at=buried.view.deleted_at,
            reason=buried.view.deleted_because,
        )
        await self.publisher.publish(fact)
        await self.note_removed(buried.media_id)

    async def note_removed(self, media_id: str) -> None:
        """Nothing is left to do for this tombstone."""
        await self.database.change(media_id, lambda known: known and replace(known, removed=True))
