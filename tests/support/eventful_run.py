"""A product under load in which things go wrong, and a Prometheus that watches it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from infra.native import Prometheus
from polyvox.adapters.filesystem import FolderStore
from polyvox.cli.local_server import running
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor
from tests.support.ports import free_port
from tests.support.stack import INSTANT, speech

RULES = Path(__file__).resolve().parents[2] / "infra/prometheus/rules/polyvox.yml"
TENANT_HEADER = "X-Tenant"
TOKEN = "of whoever tells"
SCRAPED_WITHIN_S = 60.0
COUNTED_WITHIN_S = 3.0
"""At once, but for the wait for a core. Another decoder is killed only after this: many would look like a bad disk."""

PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: polyvox
    static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{service: up}}}}]
"""


@dataclass(frozen=True)
class Watching:
    """What Prometheus saw of the run."""

    http: httpx.AsyncClient
    began_s: float

    async def seen(self, query: str) -> list[float]:
        """Every value that a query had at any time of the run; NaN left out."""
        answer = await self.http.get(
            "/api/v1/query_range",
            params={"query": query, "start": self.began_s, "end": time.time(), "step": "1"},
        )
        body = answer.json()
        assert body["status"] == "success", (query, body.get("error"))
        values = [float(value) for series in body["data"]["result"] for _, value in series["values"]]
        return [value for value in values if value == value]

    async def rules(self) -> dict[str, str]:
        """How each rule fares: ok, or what is wrong with it."""
        groups = (await self.http.get("/api/v1/rules")).json()["data"]["groups"]
        return {rule["name"]: rule.get("lastError") or rule["health"] for group in groups for rule in group["rules"]}


def settings_of(folder: Path) -> Settings:
    watch = {"bucket": "drop", "prefix": "in/", "tenant": "acme", "settle_s": 0}
    return Settings(
        data_dir=folder / "data",
        port=free_port(),
        log_level="error",
        watches=json.dumps([watch]),
        bucket_events_token=TOKEN,
        tenant_classes={"acme": "gold"},
        trust_tenant_header=TENANT_HEADER,
        attempts=2,
        retry_base_s=0.1,
        sweep_every_s=1.0,
    )


@asynccontextmanager
async def eventful_run(folder: Path) -> AsyncIterator[Watching]:
    """Uploads in both lanes by two tenants, objects in a bucket, refusals, retries, dead letters, a killed decoder."""
    settings = settings_of(folder)
    store = FolderStore(settings.data_dir / "buckets" / "drop")
    audio = speech(folder / "speech.flac", 6.0).read_bytes()
    supervisor = Supervisor(settings, processes=INSTANT, log_file=folder / "log.txt")
    async with AsyncExitStack() as stack:
        prometheus = stack.enter_context(
            Prometheus(folder / "prometheus", PROMETHEUS.format(port=settings.port, rules=RULES))
        )
        began_s = time.time()
        url = await stack.enter_async_context(running(settings, supervisor, asyncio.Event()))
        product = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))
        watching = await stack.enter_async_context(httpx.AsyncClient(base_url=prometheus.endpoint, timeout=60))
        run = Watching(watching, began_s)
        # Rates need a value from before.
        await _until(run, 'polyvox_recordings{state="queued"}')
        async with asyncio.TaskGroup() as group:
            group.create_task(_load(product, store, audio))
            group.create_task(_kill_a_decoder(product, audio, supervisor.pids["normaliser"]))
        await _until(run, 'increase(polyvox_child_restarts_total{child="decoder"}[1m])')
        await _until(run, 'sum(polyvox_recordings) == 0 and sum(polyvox_recordings_ended_total{outcome="failed"}) >= 3')
        await _until(run, 'rate(polyvox_recordings_ended_total{outcome="failed"}[10s])')
        yield run
        await store.close()


async def _load(product: httpx.AsyncClient, store: FolderStore, audio: bytes) -> None:
    await store.put("in/one.flac", audio)
    notification = {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": _object("drop", "in/one.flac")}]}
    await product.post("/v1/bucket-events", json=notification, headers={"Authorization": f"Bearer {TOKEN}"})
    for round_ in range(3):
        for tenant, lane in (("acme", "bulk"), ("else", "interactive")):
            for number in range(4):
                await _upload(product, audio, tenant=tenant, lane=lane, filename=f"{round_}-{number}.flac")
        await _upload(product, audio, prompt="fail: transient")
        await _upload(product, audio, prompt="fail: invalid")
        await _upload(product, audio, num_speakers="13")
        # It begins as a FLAC does, and is none.
        await _upload(product, audio[:200] + bytes(4000))
        assert (await product.post("/v1/media", content=b"no recording")).status_code == 415
        assert (await product.get("/v1/media/nobody-knows-it")).status_code == 404
        await asyncio.sleep(1.0)


async def _upload(product: httpx.AsyncClient, audio: bytes, *, tenant: str = "else", **options: str) -> None:
    answer = await product.post("/v1/media", params=options, content=audio, headers={TENANT_HEADER: tenant})
    assert answer.status_code == 202, answer.text


def _object(bucket: str, key: str) -> dict[str, Any]:
    return {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "eTag": "e"}}


async def _kill_a_decoder(product: httpx.AsyncClient, audio: bytes, normaliser: int) -> None:
    """Kill decoding processes, one at a time, until one is missed: one that was at its end left nothing undone."""
    async with asyncio.timeout(120):
        while True:
            # Without this there is no decoder to be killed once the load is done with.
            await _upload(product, audio, filename="to be killed.flac")
            killed_by_s = time.monotonic() + 1.0
            while time.monotonic() < killed_by_s and not _kill_below(normaliser):
                await asyncio.sleep(0.002)
            counted_by_s = time.monotonic() + COUNTED_WITHIN_S
            while time.monotonic() < counted_by_s:
                if await _is_missed(product):
                    return
                await asyncio.sleep(0.1)


async def _is_missed(product: httpx.AsyncClient) -> bool:
    lines = (await product.get("/metrics")).text.splitlines()
    return any(line.startswith("polyvox_child_restarts_total") and 'child="decoder"' in line for line in lines)


def _kill_below(normaliser: int) -> bool:
    """End a decoding process, if one shows just now."""
    with suppress(psutil.NoSuchProcess):
        for nursery in psutil.Process(normaliser).children():
            for decoder in nursery.children():
                decoder.kill()
                return True
    return False


async def _until(run: Watching, query: str) -> None:
    """Wait until a query has had a value."""
    async with asyncio.timeout(SCRAPED_WITHIN_S):
        while not await run.seen(query):
            await asyncio.sleep(0.25)
