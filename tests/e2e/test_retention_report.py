"""What goes when because of its age, and what went: over HTTP, by the client and on the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from polyvox.client import AsyncClient
from results_api.retention.limits import Limits
from tests.e2e.test_retention import retention
from tests.support.command import polyvox
from tests.support.databases import Place
from tests.support.results import completed, results
from tests.support.stages import START, Recording

NOW = datetime.now(UTC)


def aged(days: float) -> Recording:
    return Recording(uploaded_at=NOW - timedelta(days=days))


async def test_the_report_says_what_goes_when_and_what_went(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POLYVOX_RETENTION_AUDIO_DAYS", "30")
    monkeypatch.setenv("POLYVOX_TENANT_RETENTION", json.dumps({"acme": {"audio_days": None, "text_days": 365}}))
    gone, due, soon = aged(60), aged(40), aged(10)
    async with results(place) as world, world.serving() as http, AsyncClient(str(http.base_url)) as client:
        async with world.projecting():
            await completed(world, gone)
            sweep = retention(world, Limits.of(world.runtime.settings), days=(NOW - START) / timedelta(days=1))
            while (swept := await sweep.once()).put_off:
                await asyncio.sleep(0.1)
            assert swept.removed["audio"] == 1
            await completed(world, due, soon)
        report = await client.retention(first=5)
        ours = {item["tenant"]: item for item in report["items"]}
        assert (sorted(ours), report["in_force"]) == (["acme", "default"], True)
        audio = ours["default"]["audio"]
        assert {name: audio[name] for name in ("days", "due", "soon", "removed")} == {
            "days": 30.0,
            "due": 1,
            "soon": 1,
            "removed": 1,
        }
        assert [one["media_id"] for one in audio["first"]] == [due.media_id]
        assert datetime.fromisoformat(audio["next_at"]) == due.uploaded_at + timedelta(days=30)
        assert (ours["default"]["text"]["days"], ours["acme"]["text"]["days"], ours["acme"]["audio"]["days"]) == (
            None,
            365.0,
            None,
        )
        asked = await client.retention(text_days=50, days=10, tenant="default")
        (text,) = [item["text"] for item in asked["items"]]
        assert (asked["in_force"], text["due"], text["soon"]) == (False, 1, 1)
        server = ("--server", str(http.base_url))
        shown = await asyncio.to_thread(polyvox, "retention", *server, cwd=tmp_path)
        rows = [line.split() for line in shown.out.splitlines()]
        assert ["default", "audio", "30", "days", "1", "1", str(due.uploaded_at + timedelta(days=30))[:10], "1"] in rows
        dry = await asyncio.to_thread(polyvox, "retention", "--dry-run", "--text-days", "5", *server, cwd=tmp_path)
        assert {line.split("\t")[0] for line in dry.out.splitlines()} == {one.media_id for one in (gone, due, soon)}
        assert await world.status(soon.media_id) == "completed"
