"""Takes the names of people who were forgotten out of what was published.

A result that names somebody is noted before it is stored. When the person is gone, the note is
what is left to do: the recording gets another version without the name, and the stored result goes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from polyvox import keys
from polyvox.errors import PolyvoxError
from polyvox.ports import Clock
from results_api.database.database import Database
from results_api.database.recording import Recording, planned_again
from results_api.people.people import People
from results_api.projection.publication import Publication, result_key

log = logging.getLogger(__name__)

LOOK_S = 10.0
PAUSE_S = 0.05
"""Between some and some more: what is being published goes before."""
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Forgetting:
    """``mine`` says whether this process is the one to do it; others would do the same work without harm."""

    people: People
    database: Database
    publication: Publication
    clock: Clock
    mine: Callable[[], bool]

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            count = 0
            try:
                if self.mine():
                    count = await self.some()
            except PolyvoxError as error:
                log.warning("taking out names is put off: %s", error)
            await self.clock.sleep(PAUSE_S if count == AT_ONCE else LOOK_S)

    async def some(self) -> int:
        """How many results were taken out. Raises Transient when store or database is in trouble."""
        some = await self.people.left(AT_ONCE)
        for media_id, version in some:
            await self._take_out(media_id, version)
        if some:
            log.info("took the names of forgotten people out of %d results", len(some))
        return len(some)

    async def _take_out(self, media_id: str, version: int) -> None:
        await again(self.database, self.publication, media_id, after=version)
        recording = await self.database.get(media_id)
        if recording is not None and recording.view.deleted_at is None:
            if recording.outcome is None or recording.outcome.version <= version:
                # Somebody else was publishing just that version: next time there is a result to replace.
                return
            # Recordings from before tenants had prefixes have it where those of the default tenant do.
            for key in {keys.result(media_id, version), result_key(recording.view, version)}:
                await self.publication.store.delete(key)
        await self.people.taken_out(media_id, version)


async def again(database: Database, publication: Publication, media_id: str, *, after: int) -> None:
    """Publish a recording anew unless there is a later version than ``after``, or none yet.

    Raises:
        Transient: it is planned, and the projection's sweep publishes it if nobody else does; or nothing is done.
    """

    def plan(known: Recording | None) -> Recording | None:
        if known is None or known.outcome is None or known.planned_version > after:
            return known
        return planned_again(known, publication.clock.now())

    await database.change(media_id, plan)
    await publication.make_do(media_id)
