"""Lanes and tenants of uploads, and the limits on what a tenant may let wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyvox.contracts import Lane, LaneBacklog, MediaUploaded, TenantBacklog
from polyvox.publish import LANE, TENANT, Publisher
from tests.support.reading import records_of
from tests.support.server import RawConnection
from tests.support.uploads import Ingest, running_ingest, wav

TENANTS = "X-Tenant"


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    settings: dict[str, Any] = {
        "trust_tenant_header": TENANTS,
        "tenant_backlog_max_recordings": 3,
        "tenant_backlog_limits": {"small": {"max_audio_s": 1.0}},
    }
    async with running_ingest(tmp_path, **settings) as running:
        yield running


async def tell(ingest: Ingest, tenant: str, lane: Lane, recordings: int, audio_s: float = 0.0) -> None:
    """As the projection does; heard by whoever asks the next second."""
    now = ingest.clock.now()
    waits = LaneBacklog(recordings=recordings, audio_s=audio_s, counted_to=now)
    backlog = TenantBacklog(tenant=tenant, as_of=now, **{lane: waits})
    await Publisher(ingest.log.inner, ingest.clock, "/tests").publish(backlog)


def refused(answer: httpx.Response, lane: Lane) -> dict[str, Any]:
    assert answer.status_code == 429
    document: dict[str, Any] = answer.json()
    assert document["code"] == "backlog-full"
    assert document["lane"] == lane
    assert 5 <= int(answer.headers["Retry-After"]) <= 3600
    return document


async def test_an_upload_waits_in_the_lane_it_asks_for(ingest: Ingest) -> None:
    form = await ingest.client.post("/v1/media", files={"file": wav()}, data={"lane": "bulk"})
    query = await ingest.client.post("/v1/media?lane=bulk", content=wav(level=2))
    plain = await ingest.client.post("/v1/media", content=wav(level=3))
    assert {form.status_code, query.status_code, plain.status_code} == {202}
    lanes = {event.data.media_id: event.data.lane for event in await ingest.uploaded()}
    assert [lanes[answer.json()["media_id"]] for answer in (form, query, plain)] == ["bulk", "bulk", "interactive"]
    headers = [dict(record.headers) for record in await records_of(ingest.log.inner, MediaUploaded.TOPIC + "-bulk")]
    assert [(header[LANE], header[TENANT]) for header in headers] == [(b"bulk", b"default")] * 2


@pytest.mark.parametrize("fields", [[("lane", "fast")], [("lane", "bulk"), ("lane", "bulk")]])
async def test_a_lane_that_does_not_exist_is_refused(ingest: Ingest, fields: list[tuple[str, str]]) -> None:
    answer = await ingest.client.post("/v1/media", params=fields, content=wav())
    assert answer.status_code == 400
    assert "lane" in answer.json()["detail"]


async def test_who_waits_for_a_language_has_no_lane_to_choose(ingest: Ingest) -> None:
    answer = await ingest.client.post("/v1/detect-language", params={"lane": "bulk"}, content=wav())
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad-option"


async def test_the_tenant_is_whom_the_gateway_names(ingest: Ingest) -> None:
    await ingest.client.post("/v1/media", content=wav(), headers={TENANTS: "acme"})
    await ingest.client.post("/v1/media", content=wav(level=2))
    assert {event.data.tenant for event in await ingest.uploaded()} == {"acme", "default"}
    answer = await ingest.client.post("/v1/media", content=wav(), headers={TENANTS: "x" * 201})
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad-tenant"


async def test_the_header_means_nothing_unless_it_is_trusted(tmp_path: Path) -> None:
    async with running_ingest(tmp_path) as ingest:
        await ingest.client.post("/v1/media", content=wav(), headers={TENANTS: "acme"})
        assert [event.data.tenant for event in await ingest.uploaded()] == ["default"]


async def test_who_has_too_much_waiting_is_sent_away_and_others_are_not(ingest: Ingest) -> None:
    await tell(ingest, "acme", "bulk", 3)
    await tell(ingest, "small", "interactive", 1, audio_s=2.0)
    acme, small = {TENANTS: "acme"}, {TENANTS: "small"}
    document = refused(await ingest.client.post("/v1/media?lane=bulk", content=wav(), headers=acme), "bulk")
    assert (document["waiting_recordings"], document["max_recordings"]) == (3, 3)
    # A form may name its lane after its file.
    late = await ingest.client.post(
        "/v1/media", files=[("file", ("a.wav", wav())), ("lane", (None, "bulk"))], headers=acme
    )
    refused(late, "bulk")
    assert (await ingest.client.post("/v1/media", content=wav(), headers=acme)).status_code == 202
    refused(await ingest.client.post("/v1/media", content=wav(), headers=small), "interactive")
    assert (await ingest.client.post("/v1/media?lane=bulk", content=wav())).status_code == 202
    assert len(await ingest.uploaded()) == 2
    assert await ingest.keys("uploads/pending/") == []


async def test_what_one_process_lets_in_counts_before_the_backlog_tells_it(ingest: Ingest) -> None:
    answers = [await ingest.client.post("/v1/media", content=wav(level=n)) for n in range(1, 5)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]


async def test_the_answer_comes_before_the_recording_does(ingest: Ingest) -> None:
    await tell(ingest, "acme", "interactive", 3)
    async with RawConnection.to(ingest.url) as connection:
        await connection.send_head("POST", "/v1/media", X_Tenant="acme", Content_Length="100000000")
        status, _ = await connection.response()
        assert status == 429


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/tus"])
async def test_uploads_in_parts_are_held_to_the_same_limits(ingest: Ingest, path: str) -> None:
    await tell(ingest, "acme", "interactive", 3)
    headers = {TENANTS: "acme", "Tus-Resumable": "1.0.0", "Upload-Length": "1000"}
    body = {"size_bytes": 1000} if path == "/v1/uploads" else None
    refused(await ingest.client.post(path, json=body, headers=headers), "interactive")
    answer = await ingest.client.post(path, json=body, headers={**headers, TENANTS: "other"})
    assert answer.status_code == 201
