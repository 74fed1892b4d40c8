"""A receiver of webhooks on a real server, and what sends to it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook

from polyvox import metrics
from polyvox.contracts import Envelope, Fact, MediaFailed, wrap
from polyvox.ids import new_media_id
from polyvox.ports import Clock
from polyvox.service import Runtime
from results_api.http.service import API
from results_api.webhooks.connecting import CheckedNetwork, resolver
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.endpoints import Endpoints
from results_api.webhooks.following import Follower
from results_api.webhooks.posting import Poster
from results_api.webhooks.sending import Sender
from tests.support.databases import Place
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.results import Results, results
from tests.support.server import serve


@dataclass
class Got:
    """One request to the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The payload, as the specification's own library takes it. Raises where the signature is wrong."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers each request with the first of ``answers`` that is left, and with 204 after that."""

    url: str = ""
    answers: list[int | Callable[[], Any]] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/{path:path}")
        async def take(path: str, request: Request) -> Response:
            self.got.append(Got(path, dict(request.headers), await request.body()))
            answer = self.answers.pop(0) if self.answers else 204
            if callable(answer):
                return await answer()
            return Response(status_code=answer, headers={"location": "/elsewhere"} if 300 <= answer < 400 else None)

        return app


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with serve(receiver.app()) as url:
        receiver.url = url
        yield receiver


@contextlib.asynccontextmanager
async def local(results: Results) -> AsyncIterator[Results]:
    """The same world, in which webhooks may go to this machine."""
    settings = results.runtime.settings.model_copy(update={"webhooks_private": True})
    yield Results(dataclasses.replace(results.runtime, settings=settings), results.database)


@contextlib.asynccontextmanager
async def telling(world: Results, member: str = "front") -> AsyncIterator[asyncio.Task[None]]:
    """The API's work, as its service does it; a test may cancel it."""
    runtime: Runtime = dataclasses.replace(world.runtime, member=member, stopping=asyncio.Event())
    task = asyncio.create_task(API.work(runtime))  # type: ignore[misc, arg-type]
    try:
        yield task
    finally:
        runtime.stopping.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def sender(world: Results, clock: Clock, *, timeout_s: float = 5.0) -> AsyncIterator[Sender]:
    """One that sends when it is told to, by ``clock``; delays are as short as they get."""
    with ThreadPoolExecutor(2) as threads:
        poster = Poster(CheckedNetwork(resolver(threads), private=True), timeout_s=timeout_s)
        database = world.database
        stored = (Endpoints(database), Deliveries(database))
        yield Sender(*stored, poster, clock, counters=RecordedMetrics(), chance=lambda: 0.0)
        await poster.close()


def counted(sender: Sender) -> dict[str, float]:
    """Attempts by outcome, as far as there were any."""
    assert isinstance(sender.counters, RecordedMetrics)
    found = {
        outcome: sender.counters.count(metrics.WEBHOOK_ATTEMPTS, outcome=outcome)
        for outcome in ("delivered", "failed", "given-up", "gone")
    }
    return {outcome: count for outcome, count in found.items() if count}


async def send_due(sender: Sender) -> int:
    """Make all attempts that are due; returns how many."""
    begun = await sender.begin()
    await asyncio.gather(*begun)
    return len(begun)


@contextlib.asynccontextmanager
async def world_of(place: Place) -> AsyncIterator[tuple[Results, httpx.AsyncClient, Receiver]]:
    async with (
        results(place) as original,
        local(original) as world,
        world.serving() as client,
        receiving() as receiver,
    ):
        yield world, client, receiver


async def registered(
    client: httpx.AsyncClient, receiver: Receiver, path: str = "hook", **wanted: Any
) -> dict[str, Any]:
    response = await client.post("/v1/webhooks", json={"url": f"{receiver.url}/{path}", **wanted})
    assert response.status_code == 201, response.text
    assert response.headers["location"] == response.json()["href"]
    document: dict[str, Any] = response.json()
    return document


async def deliveries(client: httpx.AsyncClient, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    response = await client.get(f"{webhook['href']}/deliveries", params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


def failed(clock: Any, media_id: str = "", tenant: str = "default") -> Envelope[Fact]:
    fact = MediaFailed(
        media_id=media_id or new_media_id(clock.now()),
        tenant=tenant,
        stage="normalise",
        code="no-audio",
        reason="There is no sound in it.",
        metadata={"project": "alpha"},
        failed_at=clock.now(),
    )
    return wrap(fact, source="/tests", time=clock.now())


def follower(world: Results, clock: Any) -> Follower:
    return Follower(world.database, Endpoints(world.database), Deliveries(world.database), clock)
