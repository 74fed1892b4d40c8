"""The HTTP application that services put their routes into.

Every refusal is an RFC 9457 problem (polyvox/http/problems.py), every answer carries basic
security headers and reaches its client (polyvox/http/middleware.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

import polyvox
from polyvox.access.scopes import open_to_all
from polyvox.audit.recorder import Recorder
from polyvox.http import problems
from polyvox.http.directory import Directory
from polyvox.http.document import describe
from polyvox.http.door import Door
from polyvox.http.guard import Guard
from polyvox.http.measuring import Measured
from polyvox.http.middleware import HeadLikeGet, LingeringClose, SecurityHeaders
from polyvox.http.operations import operations_router
from polyvox.http.problems import Problem, ProblemDocument, documented
from polyvox.metrics import process_metrics

EXPOSED_HEADERS = (
    *("Location", "ETag", "Retry-After", "Idempotent-Replay", "Content-Disposition"),
    "Polyvox-Media-Id",
    "RateLimit",
    "RateLimit-Policy",
    "WWW-Authenticate",
    *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
    *("Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires"),
)
"""What scripts of other origins may read of an answer, besides what every script may."""

__all__ = ["Problem", "ProblemDocument", "create_app", "documented", "operations_router"]


def create_app(
    routers: Iterable[APIRouter],
    *,
    title: str,
    version: str = polyvox.__version__,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    cors_origins: str = "",
    door: Door | None = None,
    recorder: Recorder | None = None,
    hsts_max_age_s: int = 0,
) -> FastAPI:
    """One application with all ``routers``; ``lifespan`` wraps its life as in FastAPI.

    ``cors_origins`` are those whose pages may use it, with commas between. ``door`` says who calls; without one
    nobody is asked, as in tests of single routes. ``recorder`` writes the audit trail. ``hsts_max_age_s`` as in
    SecurityHeaders.
    """
    # FastAPI's own page would fetch its scripts from a stranger's server, and stay empty without a network.
    app = FastAPIOffline(title=title, version=version, lifespan=lifespan, redoc_url=None, static_url="/docs/static")
    problems.install(app)
    # The description of the API is no secret.
    for route in app.router.routes:
        open_to_all(getattr(route, "endpoint", None) or getattr(route, "app", None) or route)
    # The innermost: it sees what the router wrote into the scope.
    app.add_middleware(Measured, counters=process_metrics)
    app.add_middleware(SecurityHeaders, hsts_max_age_s=hsts_max_age_s)
    app.add_middleware(LingeringClose)
    app.add_middleware(HeadLikeGet)
    if origins := origins_of(cors_origins):
        # Without credentials: nothing here is allowed because of a cookie.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=EXPOSED_HEADERS,
            max_age=3600,
        )
    for router in routers:
        app.include_router(router)
    if door is not None:
        Guard(door, counters=process_metrics, recorder=recorder).stand_before(app.router.routes)

    describe(app, door)
    app.router.middleware_stack = Directory(app.router)
    return app


def origins_of(cors_origins: str) -> list[str]:
    """The origins of a setting, as browsers write them."""
    return [origin.strip().rstrip("/") for origin in cors_origins.split(",") if origin.strip()]
