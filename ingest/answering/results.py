"""Where ingest reads results: from the results API, over HTTP, as the caller whom it reads them for."""

from __future__ import annotations

import httpx
from fastapi import Request
from starlette.routing import Match

from polyvox.client import AsyncClient
from polyvox.client.calls import LIMITS, TIMEOUT, address
from polyvox.http import Problem
from polyvox.settings import Settings

CREDENTIALS = ("authorization", "x-api-key")
"""Headers by which a caller is known; the results API judges them as it does for everybody."""


class Results:
    """One pool of connections for all requests."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.results_url
        self._passed_on = (*CREDENTIALS, *([settings.trust_tenant_header] if settings.trust_tenant_header else []))
        self._transport: httpx.AsyncHTTPTransport | None = None

    def client_for(self, request: Request) -> AsyncClient:
        """A client that asks on behalf of ``request``; not to be closed, its connections are shared.

        Raises:
            Problem: 503, nobody said where the results are.
        """
        if self._transport is None:
            self._transport = httpx.AsyncHTTPTransport(limits=LIMITS)
        url = self._url or _this_server(request)
        headers = {name: value for name in self._passed_on if (value := request.headers.get(name)) is not None}
        # Without the environment's proxies: this is a way between two parts of one installation.
        http = httpx.AsyncClient(
            base_url=address(url), transport=self._transport, headers=headers, timeout=TIMEOUT, trust_env=False
        )
        return AsyncClient(url, http=http)

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()


def _this_server(request: Request) -> str:
    """The address at which this very request came in, where the same process serves results."""
    scope = {**request.scope, "method": "GET", "path": "/v1/media/any/transcript", "path_params": {}}
    server = request.scope.get("server")
    if server is None or not any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
        raise Problem(
            503,
            "no-results",
            "The results are elsewhere",
            "This server takes recordings and does not know where their transcripts come out. Whoever runs it can say "
            "so in POLYVOX_RESULTS_URL; POST /v1/media works without.",
        )
    host, port = server
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
