"""Routes for whoever runs the process: is it alive, is it ready, what does it count."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from fastapi import APIRouter, Response
from pydantic import BaseModel

from polyvox import topics
from polyvox.access.scopes import open_to_all
from polyvox.contracts import MediaUploaded
from polyvox.errors import NotFound
from polyvox.http.problems import Problem, documented
from polyvox.service import Check, Runtime

log = logging.getLogger(__name__)

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CHECK_TIMEOUT_S = 5.0


class Health(BaseModel):
    status: str = "ok"


class Readiness(BaseModel):
    """``checks`` says ``ok`` for each thing the service needs."""

    status: str = "ready"
    checks: dict[str, str]


def operations_router(
    runtime: Runtime, render_metrics: Callable[[], bytes], *, checks: Mapping[str, Check] | None = None
) -> APIRouter:
    """``/health``, ``/ready`` and ``/metrics``.

    Args:
        runtime: its log and store are what ``/ready`` asks.
        render_metrics: gives the metrics in Prometheus text format.
        checks: more things to ask, by name; each raises when it is in trouble.
    """
    router = APIRouter(tags=["operations"])
    every_check: dict[str, Check] = {
        "log": lambda: _log_answers(runtime),
        "store": lambda: _store_answers(runtime),
        **(checks or {}),
    }

    @router.get("/health", summary="Is the process alive?")
    @open_to_all
    async def health() -> Health:
        return Health()

    @router.get("/ready", summary="Can the service do its work?", responses=documented(503))
    @open_to_all
    async def ready() -> Readiness:
        answers = await asyncio.gather(*(_answer(name, check) for name, check in every_check.items()))
        said = dict(zip(every_check, answers, strict=True))
        failing = [name for name, answer in said.items() if answer != "ok"]
        if runtime.stopping.is_set():
            failing.append("the process, which is stopping")
        if failing:
            raise Problem(
                503,
                "not-ready",
                "Not ready",
                f"In trouble: {', '.join(failing)}. Send requests to another instance, or wait and ask again.",
                headers={"Retry-After": "5"},
                members={"checks": said},
            )
        return Readiness(checks=said)

    @router.get("/metrics", summary="Metrics in Prometheus text format.", response_class=Response)
    @open_to_all
    async def metrics() -> Response:
        return Response(render_metrics(), media_type=METRICS_TYPE)

    return router


async def _answer(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception:
        # The reason may name hosts and paths, so it goes to the log and not to whoever asks.
        log.warning("the readiness check %s failed", name, exc_info=True)
        return "failed"
    return "ok"


async def _log_answers(runtime: Runtime) -> None:
    await runtime.log.bounds(topics.TOPICS[MediaUploaded.TOPIC].name)


async def _store_answers(runtime: Runtime) -> None:
    try:
        await runtime.store.head("health/probe")
    except NotFound:
        return
