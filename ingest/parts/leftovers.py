"""What the sweep does about uploads in several requests: finishes what was whole, removes what nobody goes on with.

Sessions, tails and open parts are looked at separately, since a crash may leave any of them alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ingest.parts.completing import Completion
from ingest.parts.session import Session
from ingest.parts.sessions import SETTLED_KEPT_S
from ingest.upload.accepting import exists, remove_upload
from polyvox import keys
from polyvox.errors import NotFound
from polyvox.http import Problem
from polyvox.ports import ObjectStore

log = logging.getLogger(__name__)

SLACK_S = 900.0
"""A session is left alone for so long after it expired: a request may be completing it."""
ORPHANED_AFTER_S = 86_400.0
"""Parts without a session are left alone for so long: a store may use them for an ordinary upload under way."""


Outcome = Literal["announced", "open", "none"]
"""``open``: the parts are still there, and whoever sent them can complete the upload once more."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    completion: Completion

    @property
    def _store(self) -> ObjectStore:
        return self.completion.sessions.store

    async def resolve(self, media_id: str) -> Outcome:
        """Go on with an upload whose parts were being made a recording when its process died. Raises Transient."""
        try:
            session = await self.completion.sessions.get_open(media_id)
            if not await exists(self._store, session.original_key):
                return "open"
            await self.completion.complete(session)
        except Problem as refusal:
            log.info("the upload %s is not finished: %s", media_id, refusal.code)
            return "none"
        return "announced"

    async def remove_old(self) -> int:
        """Forget expired uploads and what belongs to none; returns how many. Raises Transient."""
        return await self._sessions() + await self._orphaned_parts() + await self._orphaned_tails()

    async def _sessions(self) -> int:
        removed = 0
        async for info in self._store.list(keys.UPLOAD_SESSIONS):
            # What cannot have expired yet is not even read.
            if self._age_s(info.modified_at) < min(self.completion.sessions.expires_s, SETTLED_KEPT_S):
                continue
            try:
                session = Session.model_validate_json(await self._store.get(info.key))
            except NotFound:
                continue
            if self._age_s(session.expires_at) > SLACK_S:
                await self._remove(session)
                removed += 1
        return removed

    async def _remove(self, session: Session) -> None:
        if session.completed_at is not None:
            await self._store.delete(keys.upload_session(session.upload_id))
            return
        if not await exists(self._store, keys.upload_manifest(session.upload_id)):
            # It may have been joined, by a request that was told nothing else but "try again".
            await remove_upload(self._store, session.upload_id, session.original_key)
        await self.completion.sessions.remove(session)

    async def _orphaned_parts(self) -> int:
        removed = 0
        for prefix in (keys.MEDIA, keys.TENANTS):
            async for found in self._store.open_parts(prefix):
                upload_id = found.key.split("/")[-2]
                if self._age_s(found.begun_at) > ORPHANED_AFTER_S and not await self._has_session(upload_id):
                    await self._store.drop_parts(found.key, found.upload)
                    removed += 1
        return removed

    async def _orphaned_tails(self) -> int:
        removed = 0
        async for info in self._store.list(keys.UPLOAD_TAILS):
            upload_id = info.key.removeprefix(keys.UPLOAD_TAILS).split("/")[0]
            if self._age_s(info.modified_at) > ORPHANED_AFTER_S and not await self._has_session(upload_id):
                await self._store.delete(info.key)
                removed += 1
        return removed

    async def _has_session(self, upload_id: str) -> bool:
        return await exists(self._store, keys.upload_session(upload_id))

    def _age_s(self, since: datetime) -> float:
        return (self.completion.sessions.clock.now() - since).total_seconds()
