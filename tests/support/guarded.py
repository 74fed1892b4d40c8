"""The whole API behind its guard on a real server, with keys of two tenants; no models."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from ingest.upload import routes
from ingest.upload.intake import Intake
from polyvox import bootstrap
from polyvox.access.key import ApiKey
from polyvox.access.keyring import Keyring, Wish
from polyvox.access.scopes import Scope
from polyvox.contracts import Options
from polyvox.http import create_app, operations_router
from polyvox.http.door import Door
from polyvox.http.opening import administration, door_of, recorder_of
from polyvox.service import Runtime
from polyvox.settings import Settings
from results_api.database.database import Database
from results_api.http.service import API
from results_api.projection.service import PROJECTION
from tests.support.results import Results
from tests.support.server import serve
from tests.support.stages import Recording
from tests.support.uploads import wav


@dataclass
class Guarded:
    """``key`` makes keys; the server knows them at once, as it has not heard of them before."""

    url: str
    app: FastAPI
    door: Door
    results: Results
    keyring: Keyring
    clients: contextlib.AsyncExitStack = field(repr=False)

    async def key(self, tenant: str | None, *scopes: Scope, **wish: Any) -> tuple[ApiKey, str]:
        made = await self.keyring.add(Wish(f"of {tenant}", tenant, frozenset(scopes), **wish))
        # The first key shuts the door; the server would look for it some seconds later.
        self.door.known.forget()
        return made

    async def client(self, tenant: str | None, *scopes: Scope, **wish: Any) -> httpx.AsyncClient:
        """Sends a new key with every request."""
        _, text = await self.key(tenant, *scopes, **wish)
        return await self.nobody({"Authorization": f"Bearer {text}"})

    async def nobody(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        return await self.clients.enter_async_context(httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60))

    async def recording(self, client: httpx.AsyncClient, **fields: str) -> str:
        """One that is uploaded by that client and completed."""
        answer = await client.post("/v1/media", files={"file": ("Meeting.wav", wav())}, data=fields)
        assert answer.status_code == 202, answer.text
        media_id: str = answer.json()["media_id"]
        recording = Recording(media_id=media_id, options=Options())
        await recording.store_all(self.results.store)
        await self.results.append(recording.messages(recording.facts[1:]))
        await self.results.becomes("completed", media_id)
        return media_id


def app_of(runtime: Runtime, door: Door) -> FastAPI:
    """All routes there are."""
    recorder = recorder_of(runtime)
    assert API.http is not None
    routers = [
        routes.router(Intake(runtime)),
        API.http(runtime),
        *administration(runtime, door, recorder),
        operations_router(runtime, lambda: b""),
    ]
    return create_app(routers, title="Test", cors_origins=runtime.settings.cors_origins, door=door, recorder=recorder)


@contextlib.asynccontextmanager
async def guarded(folder: Path, **settings: Any) -> AsyncIterator[Guarded]:
    async with contextlib.AsyncExitStack() as stack:
        found = Settings(data_dir=folder, **settings)
        runtime = await stack.enter_async_context(bootstrap.runtime(found, member="projection"))
        assert PROJECTION.prepare is not None
        await PROJECTION.prepare(runtime)
        database = Database(found.database_url)
        stack.push_async_callback(database.close)
        stack.callback(runtime.stopping.set)
        results = Results(runtime, database)
        await stack.enter_async_context(results.projecting())
        door = door_of(runtime)
        app = app_of(runtime, door)
        url = await stack.enter_async_context(serve(app))
        clients = await stack.enter_async_context(contextlib.AsyncExitStack())
        yield Guarded(url, app, door, results, Keyring(runtime.store, runtime.clock), clients)
