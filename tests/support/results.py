"""The projection and the results API on real adapters, in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from polyvox import bootstrap, keys
from polyvox.contracts import Envelope, Fact
from polyvox.http import create_app
from polyvox.ports import Message
from polyvox.publish import Publisher
from polyvox.service import Runtime
from results_api.database.database import Database
from results_api.http.service import API
from results_api.projection import projection
from results_api.projection.audio_removal import AudioRemoval
from results_api.projection.deletion import Deletion
from results_api.projection.publication import Publication
from results_api.projection.service import PROJECTION
from results_api.replays.ledger import Ledger
from tests.support.databases import Place
from tests.support.reading import told
from tests.support.server import serve
from tests.support.stages import Recording

F = TypeVar("F", bound=Fact)
T = TypeVar("T")


@contextlib.asynccontextmanager
async def results(place: Place) -> AsyncIterator[Results]:
    """A prepared database, log and store; nothing runs yet."""
    async with bootstrap.runtime(place.settings, member="projection") as runtime:
        await PROJECTION.prepare(runtime)  # type: ignore[misc]
        database = Database(runtime.settings.database_url)
        try:
            yield Results(runtime, database)
        finally:
            runtime.stopping.set()
            await database.close()


@dataclass
class Results:
    runtime: Runtime
    database: Database

    @property
    def store(self) -> Any:
        return self.runtime.store

    @contextlib.asynccontextmanager
    async def projecting(self, member: str = "projection") -> AsyncIterator[None]:
        """The real service, on the log."""
        original = self.runtime
        runtime = Runtime(original.settings, original.log, original.store, original.clock, member)
        task = asyncio.create_task(PROJECTION.work(runtime))  # type: ignore[misc]
        try:
            yield
        finally:
            runtime.stopping.set()
            await task

    def projection(self) -> projection.Projection:
        """The handler alone, to be given events without a log."""
        publisher = Publisher(self.runtime.log, self.runtime.clock, "/tests")
        world = (self.database, self.runtime.store, publisher, self.runtime.clock)
        return projection.Projection(
            self.database, Publication(*world), Deletion(*world), AudioRemoval(*world), Ledger(self.database)
        )

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the API on a real server."""
        app = create_app([API.http(self.runtime)], title="Polyvox")  # type: ignore[misc]
        async with serve(app) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
            yield client

    async def append(self, messages: Sequence[Message]) -> None:
        await self.runtime.log.append(messages)

    async def told(self, fact: type[F]) -> list[Envelope[F]]:
        """Everything on a topic."""
        return await told(self.runtime.log, fact)

    async def status(self, media_id: str) -> str | None:
        recording = await self.database.get(media_id)
        return recording.status if recording else None

    async def becomes(self, status: str, *media_ids: str, within_s: float = 60.0) -> None:
        async def are() -> bool:
            return all([await self.status(media_id) == status for media_id in media_ids])

        await until(are, f"{len(media_ids)} recordings to be {status}", within_s=within_s)

    async def handled(self) -> None:
        """All that is on the log is handled and committed."""

        async def is_handled() -> bool:
            return not any((await self.runtime.log.lag(projection.NAME, projection.TOPICS)).values())

        await until(is_handled, "the projection to catch up")

    async def objects(self, media_id: str) -> list[str]:
        return [info.key async for info in self.runtime.store.list(keys.media_prefix(media_id))]


async def until(
    condition: Callable[[], Awaitable[T]], what: str, *, within_s: float = 60.0, every_s: float = 0.02
) -> T:
    """Ask until the answer is true."""
    try:
        async with asyncio.timeout(within_s):
            while not (answer := await condition()):
                await asyncio.sleep(every_s)
    except TimeoutError:
        raise AssertionError(f"waited {within_s:g} s for {what}") from None
    return answer


def distinct(envelopes: Sequence[Envelope[Any]]) -> dict[str, list[str]]:
    """Distinct event ids per recording."""
    pairs = sorted({(envelope.subject, envelope.id) for envelope in envelopes})
    return {media_id: [id for _, id in ids] for media_id, ids in itertools.groupby(pairs, key=lambda pair: pair[0])}


@contextlib.asynccontextmanager
async def running(place: Place) -> AsyncIterator[tuple[Results, httpx.AsyncClient]]:
    async with results(place) as world, world.projecting(), world.serving() as client:
        yield world, client


async def completed(world: Results, *recordings: Recording) -> None:
    for recording in recordings:
        await recording.store_all(world.store)
    await world.append([message for recording in recordings for message in recording.messages()])
    await world.becomes("completed", *(recording.media_id for recording in recordings))
    # Events of several topics come in any order: what was told first may be handled last.
    await world.handled()


def is_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["code"] == code
    return problem
