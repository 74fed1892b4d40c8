"""Who did what with which recording, as it is told afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyvox.audit.recorder import WAITING_MAX, Noted, Recorder
from polyvox.contracts.audited import Audited
from polyvox.metrics import AUDIT_ENTRIES
from polyvox.publish import Publisher
from tests.support.command import polyvox
from tests.support.faulty import FaultyLog
from tests.support.guarded import Guarded, guarded
from tests.support.reading import told
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.results import is_problem, until
from tests.support.turned_clock import TurnedClock
from tests.support.uploads import wav


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path / "data") as running:
        yield running


async def trail(admin: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """All pages."""
    entries: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {**asked, **({"cursor": cursor} if cursor else {})}
        page = (await admin.get("/v1/audit", params=params)).json()
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries


async def test_what_became_of_a_recording_is_told_with_key_time_and_address(api: Guarded, tmp_path: Path) -> None:
    key, text = await api.key("acme", "upload", "read")
    acme = await api.nobody({"X-API-Key": text})
    admin, other = await api.client(None, "admin"), await api.client("other", "admin")
    media_id = await api.recording(acme)
    uploaded = await trail(admin, media_id=media_id)
    assert (uploaded[0]["action"], uploaded[0]["outcome"], uploaded[0]["status"]) == ("uploaded", "done", 202)
    for _ in range(3):
        assert (await acme.get(f"/v1/media/{media_id}/transcript")).status_code == 200
    assert (await other.get(f"/v1/media/{media_id}/transcript")).status_code == 404
    assert (await acme.delete(f"/v1/media/{media_id}")).status_code == 204

    async def are_all_there() -> list[dict[str, Any]] | None:
        entries = await trail(admin, media_id=media_id)
        reads = [one for one in entries if one["action"] == "read"]
        return entries if sum(one["count"] for one in reads) == 4 else None

    entries = await until(are_all_there, "the reads to be written")
    assert {one["key_id"] for one in entries if one["tenant"] == "acme"} == {key.key_id}
    assert {one["action"] for one in entries} == {"uploaded", "read", "deleted"}
    assert {one["address"] for one in entries} == {"127.0.0.1"}
    (foreign,) = [one for one in entries if one["tenant"] == "other"]
    assert (foreign["outcome"], foreign["status"]) == ("refused", 404)
    assert foreign["route"] == "/v1/media/{media_id}/transcript"
    # What a tenant's admin sees is what the tenant's keys did; and pages hold all of it.
    assert {one["tenant"] for one in await trail(other)} == {"other"}
    is_problem(await other.get("/v1/audit", params={"tenant": "acme"}), 403, "other-tenant")
    assert await trail(admin, media_id=media_id, limit=1) == entries
    is_problem(await admin.get("/v1/audit", params={"cursor": "none"}), 400, "bad-cursor")
    assert text not in json.dumps(await trail(admin))
    shown = polyvox("audit", "--media", media_id, "--json", "--data", tmp_path / "data", cwd=tmp_path)
    assert [json.loads(line) for line in shown.out.splitlines()] == entries


async def test_whoever_is_not_let_in_is_told_of_as_well(api: Guarded) -> None:
    admin = await api.client(None, "admin")
    reader = await api.client("acme", "read")
    nobody = await api.nobody()
    await nobody.get("/v1/media/0198c9d2-0000-7000-8000-000000000000")
    await reader.post("/v1/media", content=wav())

    async def are_there() -> list[dict[str, Any]]:
        entries = await trail(admin, outcome="refused")
        return entries if len(entries) == 2 else []

    without, beyond = await until(are_there, "both refusals")
    assert (without["status"], without["key_id"], without["tenant"]) == (401, None, None)
    assert without["media_id"] == "0198c9d2-0000-7000-8000-000000000000"
    assert (beyond["status"], beyond["tenant"], beyond["action"]) == (403, "acme", "uploaded")


async def test_without_keys_nobody_is_known_and_nothing_is_told(api: Guarded) -> None:
    nobody = await api.nobody()
    assert (await nobody.post("/v1/media", content=wav())).status_code == 202
    assert await trail(nobody) == []


async def test_what_the_log_does_not_take_is_written_when_it_does(api: Guarded) -> None:
    log, counters = FaultyLog(api.results.runtime.log), RecordedMetrics()
    clock = TurnedClock()
    recorder = Recorder(Publisher(log, clock, "/tests"), clock, counters=lambda: counters)  # type: ignore[arg-type]
    noted = Noted("read", "GET", "/v1/media/{media_id}", 200, "192.0.2.7", "0" * 16, "acme", "rec-00001")
    log.faults.fail("append")
    recorder.note(noted)
    await recorder.flush()
    recorder.note(noted)
    log.faults.heal()
    await recorder.flush()
    (written,) = [one.data for one in await told(log.inner, Audited)]
    assert (written.count, written.at, written.outcome) == (2, clock.now(), "done")
    assert counters.count(AUDIT_ENTRIES, outcome="written") == 1


async def test_no_more_than_so_many_wait_for_a_log_that_is_away(api: Guarded) -> None:
    counters, clock = RecordedMetrics(), TurnedClock()
    recorder = Recorder(Publisher(api.results.runtime.log, clock, "/tests"), clock, counters=lambda: counters)
    for number in range(WAITING_MAX + 2):
        recorder.note(Noted("read", "GET", "/v1/media/{media_id}", 200, "192.0.2.7", media_id=f"rec-{number:06}"))
    assert counters.count(AUDIT_ENTRIES, outcome="lost") == 2
