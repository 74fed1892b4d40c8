"""What is asked for again and again is answered from memory, and yet as it is stored at that moment."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from pathlib import Path

import pytest
import sqlalchemy as sa

from polyvox.contracts import MediaDeleted
from polyvox.settings import Settings
from results_api.database import near
from results_api.database.database import Database
from results_api.database.known import Known
from results_api.database.recording import with_event
from tests.support.databases import Place
from tests.support.guarded import guarded
from tests.support.results import completed, is_problem, results, running, until
from tests.support.stages import START, Recording

ENDLESS = sa.text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n"
)


async def _is(counted: Awaitable[int], wanted: int) -> bool:
    return await counted == wanted


async def test_each_version_is_there_with_the_first_request_after_it(place: Place) -> None:
    recording = Recording()
    path = f"/v1/media/{recording.media_id}"
    async with running(place) as (world, client):
        await completed(world, recording)
        for form in ("", "?format=text", "?format=json", "?format=text&speakers=false"):
            once, again = [await client.get(f"{path}/transcript{form}") for _ in range(2)]
            assert (once.content, once.headers["etag"]) == (again.content, again.headers["etag"])
        before = await client.get(f"{path}/transcript")
        correction = {"segments": [{"id": 0, "text": "Something else altogether."}]}
        headers = {"If-Match": before.headers["etag"]}
        (await client.patch(f"{path}/transcript", json=correction, headers=headers)).raise_for_status()
        assert (await client.get(f"{path}/transcript")).json()["segments"][0]["text"] == "Something else altogether."
        stale = await client.get(f"{path}/transcript", headers={"If-None-Match": before.headers["etag"]})
        assert stale.status_code == 200

        # Another process stores this, past the one that serves.
        gone = recording.event(MediaDeleted(media_id=recording.media_id, deleted_at=START), 99)
        await world.database.change(recording.media_id, lambda known: with_event(known, gone, START))
        assert (await client.get(path)).json()["status"] == "deleted"
        for form in ("", "?format=text"):
            is_problem(await client.get(f"{path}/transcript{form}"), 410, "deleted")


async def test_plain_requests_are_answered_as_all_others(place: Place) -> None:
    recording = Recording()
    path = f"/v1/media/{recording.media_id}/transcript"
    async with running(place) as (world, client):
        await completed(world, recording)
        for form in ("json", "text", "srt", "vtt", "csv", "eaf"):
            # One parameter more, and the framework reads them all.
            plain, other = [await client.get(f"{path}?format={form}{more}") for more in ("", "&max_lines=2")]
            assert (plain.status_code, plain.content) == (other.status_code, other.content)
            assert dict(plain.headers) == {**other.headers, "date": plain.headers["date"]}
        head = await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len((await client.get(path)).content))
        srt = await client.get(path, headers={"Accept": "application/x-subrip"})
        assert srt.headers["content-type"].startswith("application/x-subrip")
        is_problem(await client.get(path, headers={"Accept": "image/png"}), 406, "not-acceptable")
        is_problem(await client.get(f"{path}?format=doc"), 400, "unknown-format")
        is_problem(await client.get("/v1/media/unknown-recording/transcript"), 404, "not-found")


async def test_what_is_in_memory_is_still_behind_the_guard(tmp_path: Path) -> None:
    async with guarded(tmp_path, key_requests_per_minute=1000) as api:
        acme, other = await api.client("acme", "upload", "read"), await api.client("other", "read")
        writer = await api.client("acme", "upload")
        media_id = await api.recording(acme)
        path = f"/v1/media/{media_id}/transcript"
        for _ in range(2):
            answer = await acme.get(path)
            assert answer.status_code == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert '"key";r=' in answer.headers["RateLimit"]
        is_problem(await other.get(path), 404, "not-found")
        is_problem(await writer.get(path), 403, "scope-missing")
        is_problem(await (await api.nobody()).get(path), 401, "no-api-key")
        admin = await api.client("acme", "admin")

        async def told() -> int:
            items = (await admin.get("/v1/audit", params={"media_id": media_id, "action": "read"})).json()["items"]
            return sum(entry["count"] for entry in items if entry["route"].endswith("/transcript"))

        # Two that were answered and one that was refused; what others tried is not of this tenant.
        await until(lambda: _is(told(), 3), "three entries in the audit trail")
        _, text = await api.key("acme", "read", requests_per_minute=2)
        limited = await api.nobody({"Authorization": f"Bearer {text}"})
        assert [(await limited.get(path)).status_code for _ in range(3)] == [200, 200, 429]


async def test_what_has_not_changed_is_not_read_once_more(place: Place) -> None:
    recording = Recording()
    async with results(place) as world:
        writer = Database(world.runtime.settings.database_url)
        upload, ready = [recording.event(fact, second) for second, fact in enumerate(recording.facts[:2])]
        assert await world.database.look(recording.media_id) is None
        await writer.change(recording.media_id, lambda known: with_event(known, upload, START))
        first = await world.database.look(recording.media_id)
        assert first is not None
        assert await world.database.look(recording.media_id) is first
        await writer.change(recording.media_id, lambda known: with_event(known, ready, START))
        second = await world.database.look(recording.media_id)
        assert second is not None
        assert (second.revision, second.view.ready is not None) == (first.revision + 1, True)
        async with writer.engine.begin() as connection:
            await connection.execute(sa.text("DELETE FROM recordings"))
        assert await world.database.look(recording.media_id) is None
        await writer.close()


def test_memory_is_bounded_by_what_is_kept() -> None:
    known = Known(chars_max=100)
    event = Recording().event(Recording().facts[0], 0)
    some = [with_event(None, event.model_copy(update={"subject": f"recording-{n}"}), START) for n in range(6)]
    for one in some:
        known.keep(one, size_chars=25)
        known.get(some[0].media_id)
    kept = [one for one in some if known.get(one.media_id) is one]
    assert len(kept) <= 4
    assert known.keep(some[1], size_chars=26) is some[1]
    assert known.get(some[1].media_id) is None


async def test_a_long_query_does_not_hold_up_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(Settings(data_dir=tmp_path).database_url)

    def endless(connection: sa.Connection) -> int:
        return int(connection.execute(ENDLESS).scalar_one())

    close = near.NearRows(database.engine.url)
    for _ in range(2):
        began_s = time.thread_time()
        assert close.read(endless, kind="page") is None
        assert time.thread_time() - began_s < 10 * near.HURRY_S
    # The next of its kind are not even tried here; others are, and the connection is as good as before.
    assert close.read(lambda connection: 1, kind="page") is None
    assert close.read(lambda connection: connection.execute(sa.text("SELECT 7")).scalar_one(), kind="search") == 7
    monkeypatch.setattr(near, "AWAY_S", 0.0)
    assert await database.read(endless, kind="page") == 3_000_000
    assert (
        await database.read(lambda connection: connection.execute(sa.text("SELECT 8")).scalar_one(), kind="page") == 8
    )
    close.close()
    await database.close()
