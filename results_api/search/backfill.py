"""Makes results searchable that were published before there was a search.

A result that is published becomes searchable in the same transaction, so what is missing only gets less. What is
done is in the database: whoever goes on, goes on where it was left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from pydantic import ValidationError

from polyvox.contracts import Transcript
from polyvox.errors import NotFound, PolyvoxError
from polyvox.ports import Clock, ObjectStore
from results_api.database.connections import reading
from results_api.database.database import Database
from results_api.database.recording import owner
from results_api.database.tables import recordings, searchable
from results_api.search.searchable import Searchable
from results_api.search.searchable import searchable as made_searchable

log = logging.getLogger(__name__)

AT_ONCE = 50
AGAIN_S = 3600.0
"""During an update of several processes an older one may still publish results that are not searchable."""
TROUBLED_S = 60.0
LOOK_S = 2.0
"""How often a process that is not the one to do it looks whether it has become that."""
PAUSE_S = 0.05
"""Between recordings: what is being published goes before what is old."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """``mine`` says whether this process is the one to do it; others would do the same work without harm."""

    database: Database
    store: ObjectStore
    clock: Clock
    mine: Callable[[], bool]

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            pause_s = LOOK_S
            try:
                if self.mine():
                    await self.all()
                    pause_s = AGAIN_S
            except PolyvoxError as error:
                log.warning("making older results searchable is put off: %s", error)
                pause_s = TROUBLED_S
            await self.clock.sleep(pause_s)

    async def all(self) -> int:
        """How many results were made searchable. Raises Transient when store or database is in trouble."""
        last, count = "", 0
        while some := await self._missing(last):
            for media_id in some:
                await self._one(media_id)
                await self.clock.sleep(PAUSE_S)
            last, count = some[-1], count + len(some)
        if count:
            log.info("made %d older results searchable", count)
        return count

    async def _missing(self, last: str) -> list[str]:
        query = (
            sa.select(recordings.c.media_id)
            .where(
                recordings.c.media_id > last,
                recordings.c.status == "completed",
                ~sa.exists().where(searchable.c.media_id == recordings.c.media_id),
            )
            .order_by(recordings.c.media_id)
            .limit(AT_ONCE)
        )
        async with reading(self.database.engine) as connection:
            return list(await connection.scalars(query))

    async def _one(self, media_id: str) -> None:
        recording = await self.database.get(media_id)
        outcome = recording.outcome if recording else None
        if recording is None or outcome is None or outcome.status != "completed":
            return
        tenant = owner(recording.view)["tenant"]
        try:
            body = await self.store.get(recording.result_key)
            result = await asyncio.to_thread(_read, body, outcome.version, tenant)
        except (NotFound, ValidationError) as error:
            # Noted as done without a word: asking again would find the same.
            log.warning("version %d of %s cannot be searched: %s", outcome.version, media_id, error)
            result = Searchable(media_id, outcome.version)
        # If there is a newer version by now, or the recording is deleted, this is left out.
        await self.database.change(media_id, lambda known: known, searchable=result)


def _read(body: bytes, version: int, tenant: str) -> Searchable:
    return made_searchable(Transcript.model_validate_json(body), version=version, tenant=tenant)
