"""What browsers are told with every answer, and which pages may read answers at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from polyvox.http import create_app
from tests.support.guarded import Guarded, guarded

APP, OTHER = "https://app.example", "https://other.example"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Guarded]:
    async with guarded(tmp_path, cors_origins=f"{APP}, https://second.example/") as running:
        yield running


async def test_answers_are_not_kept_guessed_at_framed_or_run(api: Guarded) -> None:
    reader = await api.client("acme", "read")
    for answer in (
        await reader.get("/v1/media"),
        await reader.get("/v1/media/00000000"),
        await reader.get("/nothing"),
        await reader.delete("/v1/media/00000000"),
        await (await api.nobody()).get("/v1/media"),
    ):
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Strict-Transport-Security" not in headers


async def test_a_transcript_is_kept_by_its_reader_alone_and_asked_for_again(api: Guarded) -> None:
    client = await api.client("acme", "admin")
    media_id = await api.recording(client)
    answer = await client.get(f"/v1/media/{media_id}/transcript")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = await client.get(f"/v1/media/{media_id}/transcript", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


async def test_the_page_that_describes_the_api_runs_its_own_scripts_alone(api: Guarded) -> None:
    policy = (await (await api.nobody()).get("/docs")).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'unsafe-inline'" in policy


async def test_browsers_are_told_to_come_by_tls_where_a_setting_says_so() -> None:
    app = create_app([], title="Test", hsts_max_age_s=31536000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://test") as client:
        assert (await client.get("/docs")).headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_pages_of_named_origins_may_use_the_api_with_their_visitors_key(api: Guarded) -> None:
    reader, nobody = await api.client("acme", "read"), await api.nobody()
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    preflight = await nobody.options("/v1/media", headers={"Origin": APP, **asked})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == APP
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    for client in (reader, nobody):
        answer = await client.get("/v1/media", headers={"Origin": APP})
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert {"RateLimit", "WWW-Authenticate"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


async def test_pages_of_other_origins_may_not_read_anything(api: Guarded) -> None:
    reader = await api.client("acme", "read")
    preflight = {"Origin": OTHER, "Access-Control-Request-Method": "GET"}
    refused = await reader.options("/v1/media", headers=preflight)
    assert refused.status_code == 400
    answer = await reader.get("/v1/media", headers={"Origin": OTHER})
    for one in (refused, answer):
        assert "Access-Control-Allow-Origin" not in one.headers


async def test_without_origins_in_the_settings_no_page_of_another_origin_may_read_anything(tmp_path: Path) -> None:
    async with guarded(tmp_path) as api:
        reader = await api.client("acme", "read")
        assert "Access-Control-Allow-Origin" not in (await reader.get("/v1/media", headers={"Origin": APP})).headers
