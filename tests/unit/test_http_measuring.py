"""Requests are counted by the route's template, whatever paths clients make up."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter

from polyvox import metrics
from polyvox.http import Problem, create_app
from tests.support.recorded_metrics import RecordedMetrics, recording


@pytest.fixture
def counters() -> Iterator[RecordedMetrics]:
    with recording() as recorded:
        yield recorded


def app_client() -> httpx.AsyncClient:
    router = APIRouter()

    @router.get("/v1/things/{name}")
    async def thing(name: str) -> str:
        if name == "bad":
            raise Problem(409, "bad", "Bad", "It is bad.")
        if name == "broken":
            raise RuntimeError("broken")
        return name

    app = create_app([router], title="Things")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://things")


async def test_what_varies_is_no_label(counters: RecordedMetrics) -> None:
    async with app_client() as client:
        for name in ("one", "two", "bad", "broken"):
            await client.get(f"/v1/things/{name}")
        await client.get("/nowhere/1")
        await client.get("/nowhere/2")
        await client.head("/v1/things/one")
        await client.request("BREW", "/v1/things/one")
    route = {"route": "/v1/things/{name}", "method": "GET"}
    assert counters.count(metrics.HTTP_REQUESTS, status="200", **route) == 3
    assert counters.count(metrics.HTTP_REQUESTS, status="409", **route) == 1
    assert counters.count(metrics.HTTP_REQUESTS, status="500", **route) == 1
    assert counters.count(metrics.HTTP_REQUESTS, route="unmatched", method="GET", status="404") == 2
    assert counters.count(metrics.HTTP_REQUESTS, route="/v1/things/{name}", method="other", status="405") == 1
    assert len(counters.values(metrics.HTTP_DURATION, **route)) == 5
