"""Taking objects, many at a time: noted first, then on the log, and never twice.

For each batch, in this order:
    bucket/batches/{member}/{batch}.json   all of it; removed when all is done
    media/{media_id}/upload.json           of each object; if it is there, somebody else has the object
    bucket/taken/…                         the object's entry in the ledger; if it is there, but the manifest
                                           was not, the recording was deleted: it does not come back
    the media-uploaded events              of all, in one go
What a crash leaves is named by the batch, and ingest/bucket/leftovers.py finishes it. Waiting objects
make up the next batch, so that batches grow with the load.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.bucket.ledger import JSON, Batch, Taking, claim, patiently
from ingest.upload.uploads import UPLOAD
from polyvox import keys, tracing
from polyvox.errors import Transient
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher

log = logging.getLogger(__name__)

BATCH_MAX = 256
BATCHES_AT_ONCE = 2


@dataclass(slots=True)
class _Waiting:
    taking: Taking
    taken: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batches:
    """Takes objects on behalf of the process ``member``."""

    def __init__(self, store: ObjectStore, publisher: Publisher, clock: Clock, *, member: str) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._member = member
        self._waiting: list[_Waiting] = []
        self._crews: set[asyncio.Task[None]] = set()

    async def take(self, taking: Taking) -> bool:
        """Make a recording of an object, whatever trouble store and log are in; False when there was one already.

        Returns when the event is on the log, or somebody else has promised that it will be.
        """
        waiting = _Waiting(taking)
        self._waiting.append(waiting)
        if len(self._crews) < BATCHES_AT_ONCE:
            crew = asyncio.create_task(self._work())
            self._crews.add(crew)
            crew.add_done_callback(self._crews.discard)
        return await waiting.taken

    async def finish(self, within_s: float) -> None:
        """Wait for what is being taken; what is not done then is left to the next start."""
        if self._crews:
            await asyncio.wait(list(self._crews), timeout=within_s)
        for crew in list(self._crews):
            crew.cancel()
        await asyncio.gather(*self._crews, return_exceptions=True)

    async def _work(self) -> None:
        while self._waiting:
            # Whoever is about to ask has the chance to be part of this one.
            await asyncio.sleep(0)
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            if batch:
                await self._take_all(batch)

    async def _take_all(self, waiting: Sequence[_Waiting]) -> None:
        try:
            taken = await self._settled(Batch.of([each.taking for each in waiting], self._clock.now()))
        except asyncio.CancelledError:
            _fail(waiting, Transient("the process stops; its next start takes this up"))
            raise
        except Exception as error:
            log.exception("%d objects could not be taken", len(waiting))
            _fail(waiting, error)
            return
        for each, is_new in zip(waiting, taken, strict=True):
            if not each.taken.done():
                each.taken.set_result(is_new)

    async def _settled(self, batch: Batch) -> list[bool]:
        # One span for the batch, and one for each recording in its own trace.
        with tracing.doing(UPLOAD, self._clock, member=self._member, of_many=True):
            return await self._noted(batch)

    async def _noted(self, batch: Batch) -> list[bool]:
        name = keys.bucket_batch(self._member, uuid.uuid4().hex)
        await patiently(self._clock, lambda: self._store.put(name, batch.encoded(), content_type=JSON))
        taken = await asyncio.gather(*(claim(self._store, self._clock, taking, name) for taking in batch.objects))
        facts = [taking.fact for taking, is_new in zip(batch.objects, taken, strict=True) if is_new]
        if facts:
            await patiently(self._clock, lambda: self._publisher.publish(*facts))
        await patiently(self._clock, lambda: self._store.delete(name))
        return list(taken)


def _fail(waiting: Sequence[_Waiting], error: Exception) -> None:
    for each in waiting:
        if not each.taken.done():
            each.taken.set_exception(error)
