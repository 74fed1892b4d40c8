"""A whole Polyvox in the test's own process, whose engines return at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks import instant
from polyvox import bootstrap
from polyvox.host import run_services
from polyvox.service import Runtime, Service
from polyvox.settings import Settings
from tests.support.ports import free_port

Work = Callable[[Runtime], Coroutine[Any, Any, None]]
FRONT = ("ingest-api", "results-api")
BEHIND = ("projection", "normaliser")


@contextlib.asynccontextmanager
async def instant_product(data_dir: Path, **settings: Any) -> AsyncIterator[str]:
    """Its URL; every service on embedded adapters, one port for all."""
    async with running([*FRONT, *BEHIND, *instant.SERVICES], data_dir, **settings) as url:
        yield url


@contextlib.asynccontextmanager
async def running(
    names: Sequence[str], data_dir: Path, own_work: Mapping[str, Work] = instant.SERVICES, **settings: Any
) -> AsyncIterator[str]:
    """The URL of some services on one data folder; what is in ``own_work`` is not the product's."""
    own = Settings(**{"data_dir": data_dir, "port": free_port(), "drain_timeout_s": 0.0, **settings})
    services = [_service(name, own_work.get(name)) for name in names]
    async with bootstrap.runtime(own, member="test") as runtime:
        for service in services:
            if service.prepare:
                await service.prepare(runtime)
        serving = asyncio.create_task(run_services(services, runtime, operations=True))
        url = f"http://127.0.0.1:{own.port}"
        try:
            await _until_ready(url, serving)
            yield url
        finally:
            runtime.stopping.set()
            await serving


def _service(name: str, work: Work | None) -> Service:
    return bootstrap.load_service(name) if work is None else Service(name=name, work=work)


async def _until_ready(url: str, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        while True:
            if serving.done():
                await serving
            with contextlib.suppress(httpx.TransportError):
                if (await client.get(f"{url}/ready")).is_success:
                    return
            await asyncio.sleep(0.02)
