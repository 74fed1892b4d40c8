"""What every route needs: the recording that a request names, or the problem to answer with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from polyvox.access.caller import sees
from polyvox.http import Problem
from polyvox.service import Runtime
from results_api.database import listing
from results_api.database.database import Database
from results_api.database.recording import Recording, queued
from results_api.http.documents import MediaDocument, document
from results_api.projection.deletion import accepted_upload

PACE_EVERY_S = 30.0
_MEDIA_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")


@dataclass(slots=True)
class Reading:
    """The results database and what stands in for it until an upload's event is seen."""

    runtime: Runtime
    database: Database
    _pace: float | None = field(default=None, init=False)
    _pace_until_s: float = field(default=float("-inf"), init=False)

    async def find(self, media_id: str) -> Recording | None:
        """As the database knows it, or as ingest accepted it; revision 0 then. What is another tenant's than that of
        whoever calls is not there."""
        if not _MEDIA_ID.fullmatch(media_id):
            return None
        recording = await self.database.look(media_id)
        if recording is not None:
            owner = recording.view.owner
            return recording if sees(owner.tenant if owner else None) else None
        upload = await accepted_upload(self.runtime.store, media_id)
        return queued(upload) if upload and sees(upload.tenant) else None

    async def known(self, media_id: str) -> Recording:
        """Raises Problem 404 when there never was such a recording."""
        recording = await self.find(media_id)
        if recording is None:
            raise unknown(media_id)
        return recording

    async def present(self, media_id: str) -> Recording:
        """Raises Problem 404 as ``known``, and 410 when the recording was deleted."""
        recording = await self.known(media_id)
        if recording.view.deleted_at is not None:
            raise gone(media_id, recording.view.deleted_at)
        return recording

    async def document(self, recording: Recording) -> MediaDocument:
        pace = None if recording.is_final else await self._typical()
        return document(recording, self.runtime.clock.now(), typical_s_per_audio_s=pace)

    async def _typical(self) -> float | None:
        now_s = self.runtime.clock.monotonic_s()
        if now_s >= self._pace_until_s:
            self._pace_until_s = now_s + PACE_EVERY_S
            self._pace = await listing.typical_s_per_audio_s(self.database)
        return self._pace


def unknown(media_id: str) -> Problem:
    return Problem(
        404, "not-found", "Not found", f"There is no recording {media_id}. GET /v1/media lists those there are."
    )


def gone(media_id: str, deleted_at: datetime) -> Problem:
    return Problem(
        410,
        "deleted",
        "The recording was deleted",
        f"The recording {media_id} was deleted with everything made from it. Upload it again if you need it.",
        members={"media_id": media_id, "deleted_at": deleted_at.isoformat()},
    )
