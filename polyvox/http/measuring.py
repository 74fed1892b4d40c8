"""Counts requests by the route that answered them; the routes are as many as the code has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from polyvox.metrics import HTTP_DURATION, HTTP_REQUESTS, Metrics

UNMATCHED: Final = "unmatched"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Measured:
    """``counters`` gives where to count, at each request: the process's sink is chosen after its routes are made."""

    def __init__(self, app: ASGIApp, *, counters: Callable[[], Metrics]) -> None:
        self.app = app
        self.counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began_s = time.monotonic()
        answered: tuple[int, float] | None = None

        async def noting_send(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = (message["status"], time.monotonic() - began_s)
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        finally:
            # Without an answer it raised, which the server makes a 500, or its client went away.
            status, took_s = answered or (500, time.monotonic() - began_s)
            route, method = route_of(scope), scope["method"] if scope["method"] in METHODS else "other"
            self.counters().add(HTTP_REQUESTS, route=route, method=method, status=str(status))
            self.counters().observe(HTTP_DURATION, took_s, route=route, method=method)


def route_of(scope: Scope) -> str:
    """The template of the path that a request found, such as ``/v1/media/{media_id}``."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else UNMATCHED
