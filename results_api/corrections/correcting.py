"""Takes corrections in: its words are stored, then it is in the recording's view, then on the log.

The view decides: of two corrections of one version only one comes through. What a crash leaves is taken up by
the same request sent again, or by the projection's sweep, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from polyvox import keys
from polyvox.contracts import Correction, TranscriptCorrected, wrap
from polyvox.errors import NotFound, PolyvoxError
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from results_api.corrections.making import id_of_taking_back
from results_api.database.database import Database
from results_api.database.recording import Recording, owner, with_event
from results_api.projection.deletion import SOURCE

_TICK = timedelta(microseconds=1)


class Overtaken(PolyvoxError):
    """There is another version of the result by now, or there will be in a moment."""


def is_told(recording: Recording, correction: str) -> bool:
    """Whether the result that is there was made with this correction in sight."""
    return recording.outcome is not None and correction in recording.outcome.corrections


def untold(recording: Recording) -> list[TranscriptCorrected]:
    """What no result has yet; where a crash left it, it may not be on the log either."""
    return [one.data for id, one in recording.view.corrections.items() if not is_told(recording, id)]


@dataclass(frozen=True, slots=True)
class Correcting:
    """Safe to use from several tasks and processes at once."""

    database: Database
    store: ObjectStore
    publisher: Publisher
    clock: Clock

    async def correct(self, correction: Correction, version: int) -> Recording:
        """Note a correction of ``version``; doing so again changes nothing.

        Raises:
            Overtaken: somebody else was faster. Nothing is changed.
            NotFound: the recording was deleted.
            Transient: store, log or database is in trouble; nothing is lost by asking again.
        """
        media_id = correction.media_id
        known = await self.database.get(media_id)
        if known is None:
            raise NotFound(f"{media_id} is gone")
        key = keys.of_tenant(owner(known.view)["tenant"], keys.correction(media_id, correction.correction))
        await self.store.put(key, correction.model_dump_json().encode(), content_type="application/json")

        def fact(known: Recording) -> TranscriptCorrected:
            outcome = known.outcome
            if outcome is None or outcome.version != version or set(known.view.corrections) - set(outcome.corrections):
                raise Overtaken(f"{media_id} has another version than {version}")
            return self._fact(known, correction.correction, correction_key=key)

        try:
            return await self._tell(media_id, correction.correction, fact)
        except (Overtaken, NotFound):
            await self.store.delete(key)
            raise

    async def take_back(self, media_id: str, correction: str) -> Recording:
        """A correction counts no longer; doing so again changes nothing.

        Raises:
            NotFound: there is no such correction, or the recording was deleted.
            Transient: as ``correct``.
        """
        id = id_of_taking_back(media_id, correction)

        def fact(known: Recording) -> TranscriptCorrected:
            if correction not in known.view.corrections:
                raise NotFound(f"there is no correction {correction}")
            return self._fact(known, id, takes_back=correction)

        return await self._tell(media_id, id, fact)

    async def _tell(self, media_id: str, id: str, fact: Callable[[Recording], TranscriptCorrected]) -> Recording:
        now = self.clock.now()

        def change(known: Recording | None) -> Recording | None:
            if known is None or known.view.deleted_at is not None:
                raise NotFound(f"{media_id} is gone")
            if id in known.view.corrections:
                return known
            return with_event(known, wrap(fact(known), source=SOURCE, time=now), now)

        recording = await self.database.change(media_id, change)
        assert recording is not None
        if not is_told(recording, id):
            await self.publisher.publish(recording.view.corrections[id].data)
        return recording

    def _fact(self, known: Recording, id: str, **told: str) -> TranscriptCorrected:
        return TranscriptCorrected(
            media_id=known.media_id,
            **owner(known.view),
            correction=id,
            version=known.outcome.version if known.outcome else 0,
            corrected_at=_after(known, self.clock.now()),
            correction_key=told.get("correction_key"),
            takes_back=told.get("takes_back"),
        )


def _after(known: Recording, now: datetime) -> datetime:
    """Now, and in any case later than all corrections before: the clocks of several processes may differ."""
    latest = max((one.data.corrected_at for one in known.view.corrections.values()), default=None)
    now = now.astimezone(UTC)
    return now if latest is None else max(now, latest + _TICK)
