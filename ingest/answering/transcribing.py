"""An upload that is answered with its transcript."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request

from ingest.answering.attending import attended, stops
from ingest.answering.results import Results
from ingest.upload.intake import Intake
from ingest.upload.taking import Read, Taking
from ingest.upload.wanted import INTERACTIVE
from polyvox.client import AsyncClient
from polyvox.client.calls import Recording
from polyvox.contracts import MediaDeleted
from polyvox.errors import PolyvoxError
from polyvox.http import Problem

log = logging.getLogger(__name__)

MEDIA_ID = "Polyvox-Media-Id"
"""Header of the answer: under this name the recording is in ``/v1/media`` from now on."""

T = TypeVar("T")
Answer = Callable[[AsyncClient, str], Awaitable[T]]
"""A client of the results and a media id, which has a transcript, to what is answered."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A recording that is accepted. ``can_come_back``: its caller has an Idempotency-Key to ask with again."""

    media_id: str
    tenant: str
    client: AsyncClient
    can_come_back: bool


class Transcribing:
    """A recording whose caller leaves before the answer is removed, unless an Idempotency-Key can bring them back."""

    def __init__(self, intake: Intake) -> None:
        self._taking = Taking(intake)
        self._tenant_of = intake.tenant_of
        self._results = Results(intake.runtime.settings)
        self._publisher = intake.publisher()
        self._clock = intake.runtime.clock
        self._stopping = intake.runtime.stopping
        self._removing: set[asyncio.Task[None]] = set()

    async def take(self, request: Request, read: Read) -> Taken:
        """Accept the recording in ``request``.

        Raises:
            Problem: the upload is refused, or nobody said where results are.
            Transient: log or store are in trouble.
        """
        client = self._results.client_for(request)
        key = request.headers.get("idempotency-key")
        accepted = await self._taking.take(request, read, lanes=INTERACTIVE, idempotency_key=key)
        return Taken(accepted.media_id, self._tenant_of(request), client, can_come_back=key is not None)

    async def attend(self, request: Request, taken: Taken, answer: Answer[T]) -> T:
        """What ``answer`` makes of the recording when it has its transcript.

        Raises:
            Problem: the recording cannot be used, or the process stops.
            Transient: the results are in trouble.
            ClientDisconnect: nobody waits any more.
        """

        async def work() -> T:
            usable(await taken.client.wait(taken.media_id))
            return await answer(taken.client, taken.media_id)

        async with self.kept_if_answered(taken):
            return await attended(work(), request, self._stopping)

    @asynccontextmanager
    async def kept_if_answered(self, taken: Taken) -> AsyncIterator[None]:
        """Where the body ends otherwise than with an answer, the recording is removed."""
        try:
            yield
        except BaseException as error:
            # What cannot be used is an answer: it stays, with its reason.
            if not taken.can_come_back and not (isinstance(error, Problem) and error.status < 500):
                self._remove(taken)
            raise

    async def states(self, client: AsyncClient, media_id: str) -> AsyncGenerator[Recording, None]:
        """Each change of a recording, to the one that gives it a transcript.

        Raises:
            Problem: the recording cannot be used, or the process stops.
            Transient: the results have been away for a minute.
        """
        changes: asyncio.Queue[Recording] = asyncio.Queue()
        waiting = asyncio.create_task(client.wait(media_id, progress=changes.put_nowait))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            while True:
                change = asyncio.create_task(changes.get())
                await asyncio.wait((change, waiting, stop), return_when=asyncio.FIRST_COMPLETED)
                if not change.done():
                    change.cancel()
                    if stop.done():
                        raise stops()
                    yield usable(waiting.result())
                    return
                if not change.result().is_final:
                    yield change.result()
        finally:
            waiting.cancel()
            stop.cancel()
            await asyncio.gather(waiting, stop, return_exceptions=True)

    async def close(self) -> None:
        await asyncio.gather(*self._removing, return_exceptions=True)
        await self._results.close()

    def _remove(self, taken: Taken) -> None:
        # A task of its own: what led here may be that the request's own one was cancelled.
        task = asyncio.create_task(self._say_removed(taken))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)

    async def _say_removed(self, taken: Taken) -> None:
        fact = MediaDeleted(media_id=taken.media_id, tenant=taken.tenant, deleted_at=self._clock.now())
        try:
            await self._publisher.publish(fact)
        except PolyvoxError as error:
            log.warning("the recording %s, whose caller left, could not be removed: %s", taken.media_id, error)


def usable(recording: Recording) -> Recording:
    """Raises Problem: 422, it has no transcript and will have none; 410, somebody deleted it."""
    if recording.status == "failed":
        failure = recording.document.get("failure") or {}
        code = str(failure.get("code") or "failed")
        raise Problem(422, code, "The recording cannot be used", recording.reason or "It could not be transcribed.")
    if recording.status == "deleted":
        raise Problem(410, "deleted", "The recording was deleted", "Somebody deleted the recording meanwhile.")
    return recording
