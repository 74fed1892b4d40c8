"""Removing the audio of a finished recording: its result stays and can be read, but nothing can be heard any more.

As with a deletion: first it is gone for readers, then its objects go, then everybody is told. The recording's row says
how far that is; what a crash leaves the projection's sweep finishes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from polyvox import keys
from polyvox.contracts import AudioRemoved, wrap
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from results_api.database import recording as recordings
from results_api.database.database import Database
from results_api.database.recording import Recording
from results_api.projection.emptying import empty

SOURCE = "/polyvox/projection"


async def silence(store: ObjectStore, media_id: str, tenant: str) -> None:
    """Remove everything that can be heard of a recording. Raises Transient when the store is in trouble."""
    await empty(store, media_id, tenant, only=lambda key: keys.is_sound(media_id, key))


@dataclass(frozen=True, slots=True)
class AudioRemoval:
    """What it takes to remove audio. Safe to use from several tasks and processes at once."""

    database: Database
    store: ObjectStore
    publisher: Publisher
    clock: Clock

    async def remove(self, media_id: str, *, because: str, only: Callable[[Recording], bool]) -> bool:
        """Remove a recording's audio; False when there is none, or it is not one of ``only``.

        ``because`` is the reason that everybody is told.

        Raises:
            Transient: not all of it is done; calling again, or the sweep, does the rest.
        """
        now = self.clock.now()

        def mute(known: Recording | None) -> Recording | None:
            if known is None or known.view.audio_removed_at is not None or not only(known):
                return None
            fact = AudioRemoved(media_id=media_id, **recordings.owner(known.view), removed_at=now, reason=because)
            return recordings.with_event(known, wrap(fact, source=SOURCE, time=now), now)

        muted = await self.database.change(media_id, mute)
        if muted is None or muted.view.audio_removed_at is None:
            return False
        if not muted.removed:
            await self.finish(muted)
        return True

    async def finish(self, muted: Recording) -> None:
        """Remove the objects of a recording whose audio is gone for readers, and tell everybody. Raises Transient."""
        owner = recordings.owner(muted.view)
        await silence(self.store, muted.media_id, owner["tenant"])
        assert muted.view.audio_removed_at is not None
        fact = AudioRemoved(
            media_id=muted.media_id,
            **owner,
            removed_at=muted.view.audio_removed_at,
            reason=muted.view.audio_removed_because,
        )
        await self.publisher.publish(fact)
        await self.note_removed(muted.media_id)

    async def note_removed(self, media_id: str) -> None:
        """Nothing is left to do for this audio. A recording that was deleted meanwhile has a tombstone of its own."""

        def note(known: Recording | None) -> Recording | None:
            return known if known is None or known.view.deleted_at is not None else replace(known, removed=True)

        await self.database.change(media_id, note)
