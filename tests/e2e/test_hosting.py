"""A process that hosts services: what it asks before it says it is ready, and what it does not load."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from polyvox import bootstrap
from polyvox.host import run_services
from polyvox.service import Service
from polyvox.settings import Settings
from results_api.http.service import API
from tests.support.polling import until
from tests.support.ports import free_port


async def test_a_process_without_its_results_database_is_not_ready(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=free_port())
    async with bootstrap.runtime(settings, member="front") as runtime:
        await API.prepare(runtime)  # type: ignore[misc]
        hosting = asyncio.create_task(run_services([API], runtime))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:

                async def answers() -> bool:
                    try:
                        return (await client.get("/health")).status_code == 200
                    except httpx.ConnectError:
                        return False

                await until(answers)
                ready = await client.get("/ready")
                assert ready.status_code == 200
                assert ready.json()["checks"] == {"log": "ok", "store": "ok", "database": "ok"}
                settings.database_path.unlink()
                settings.database_path.mkdir()
                refused = await client.get("/ready")
                assert refused.status_code == 503
                assert refused.json()["checks"] == {"log": "ok", "store": "ok", "database": "failed"}
        finally:
            runtime.stopping.set()
            await hosting


async def test_a_worker_alone_answers_for_its_health_and_counts(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=free_port())
    worker = Service(name="worker", work=lambda runtime: runtime.stopping.wait())
    async with bootstrap.runtime(settings, member="worker-1") as runtime:
        hosting = asyncio.create_task(run_services([worker], runtime, operations=True))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as client:

                async def ready() -> bool:
                    try:
                        return (await client.get("/ready")).status_code == 200
                    except httpx.ConnectError:
                        return False

                await until(ready)
                assert (await client.get("/health")).json() == {"status": "ok"}
                assert "# TYPE polyvox_messages_handled_total counter" in (await client.get("/metrics")).text
        finally:
            runtime.stopping.set()
            await hosting


@pytest.mark.parametrize(
    ("service", "spared"),
    [
        ("ingest-api", "av"),
        ("projection", "fastapi"),
        ("normaliser", "fastapi"),
        ("transcriber", "torch"),
        ("diarizer", "torch"),
    ],
)
def test_a_service_does_not_load_what_another_needs(service: str, spared: str) -> None:
    program = (
        f"import sys; from polyvox.bootstrap import load_service as l; l({service!r}); print({spared!r} in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "False"
