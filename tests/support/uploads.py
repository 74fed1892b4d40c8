"""An ingest API on real embedded adapters behind a real server, with faults to inject."""

from __future__ import annotations

import contextlib
import io
import random
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from ingest.upload import routes
from ingest.upload.intake import Intake
from ingest.upload.sweep import Sweep
from polyvox import bootstrap, topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, MediaUploaded
from polyvox.http import create_app, operations_router
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.faulty import FaultyLog, FaultyStore
from tests.support.reading import told
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.server import serve


def wav(seconds: float = 0.5, *, level: int = 1000) -> bytes:
    """16 kHz, mono, 16 bit; a different ``level`` makes different bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(level.to_bytes(2, "little", signed=True) * int(16_000 * seconds))
    return out.getvalue()


def wav_of(size_bytes: int, *, seed: int = 1) -> bytes:
    """A recording of exactly that many bytes, no two blocks of which are alike."""
    head = wav(0)
    return head + random.Random(seed).randbytes(size_bytes - len(head))


class LaterClock(SystemClock):
    """The machine's clock, put forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)


@dataclass
class Ingest:
    runtime: Runtime
    store: FaultyStore
    log: FaultyLog
    clock: LaterClock
    client: httpx.AsyncClient
    url: str
    folder: Path
    counters: RecordedMetrics
    server: contextlib.AsyncExitStack

    async def stop_server(self) -> None:
        """Stop without a word to the requests under way, which get two seconds and are then cancelled."""
        await self.server.aclose()

    def sweep(self) -> Sweep:
        return routes.sweeper(self.runtime)

    async def uploaded(self) -> list[Envelope[MediaUploaded]]:
        """Every media-uploaded event on the log."""
        return await told(self.log.inner, MediaUploaded)

    async def keys(self, prefix: str = "") -> list[str]:
        return [info.key async for info in self.store.inner.list(prefix)]

    def files(self) -> set[Path]:
        """Every file of the object store that holds anything (lock files are empty and stay)."""
        return {path for path in self.folder.rglob("*") if path.is_file() and path.stat().st_size}


@contextlib.asynccontextmanager
async def running_ingest(
    folder: Path, *, max_upload_bytes: int = 8 << 20, idle_s: float = 60.0, port: int = 0, **more: Any
) -> AsyncIterator[Ingest]:
    """``more`` are settings, for example those of an S3 store (``s3_settings``)."""
    settings = Settings(data_dir=folder, max_upload_bytes=max_upload_bytes, **more)
    settings.scratch_path.mkdir(parents=True, exist_ok=True)
    clock = LaterClock()
    inner_log = EmbeddedLog(settings.log_path, clock=clock)
    inner_store = bootstrap.open_store(settings)
    store, log = FaultyStore(inner_store), FaultyLog(inner_log)
    try:
        await inner_log.ensure_topics(topics.configs())
        runtime = Runtime(settings, log, store, clock, "test")  # type: ignore[arg-type]
        counters = RecordedMetrics()
        routers = [
            routes.router(Intake(runtime, idle_s=idle_s, grace_s=0.3, counters=counters)),
            operations_router(runtime, counters.render),
        ]
        async with contextlib.AsyncExitStack() as server:
            url = await server.enter_async_context(
                serve(create_app(routers, title="Test", cors_origins=settings.cors_origins), port=port)
            )
            client = await server.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))
            yield Ingest(runtime, store, log, clock, client, url, settings.objects_path, counters, server)
    finally:
        await inner_store.close()
        await inner_log.close()
