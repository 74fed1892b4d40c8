"""`/v1/replays`: order a stage to run again over recordings that have a result, and see how that fares."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Response
from pydantic import BaseModel, Field

from polyvox.access.caller import calling, sees
from polyvox.access.scopes import needs
from polyvox.http import Problem, documented
from polyvox.http.refusals import other_tenant
from polyvox.publish import Publisher
from polyvox.service import Runtime
from results_api.database.database import Database
from results_api.projection.deletion import SOURCE
from results_api.replays.asking import Asking
from results_api.replays.ledger import Ledger, Ordered
from results_api.replays.order import Order

FAILED_SHOWN = 100


class Counts(BaseModel):
    pending: int
    done: int
    failed: int


class Failed(BaseModel):
    media_id: str
    reason: str | None


class ReplayDocument(BaseModel):
    """``asked`` false: recordings that match are still being told, so the counts grow."""

    replay_id: str
    order: Order
    created_at: datetime
    asked: bool
    recordings: Counts
    failed: list[Failed] = Field([], description=f"The first {FAILED_SHOWN} that failed; their old result stays.")
    href: str


class ReplayList(BaseModel):
    items: list[ReplayDocument]


class Matching(BaseModel):
    """The answer to a dry run."""

    matching: int
    first: list[str] = Field(description="The first of them.")


def router(runtime: Runtime, database: Database) -> APIRouter:
    """The routes, and the task that carries out what is ordered through them."""
    ledger = Ledger(database)
    asking = Asking(database, ledger, Publisher(runtime.log, runtime.clock, SOURCE), runtime.clock)
    nudge = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(asking.run(nudge), name="replays")
        try:
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    api = APIRouter(tags=["replays"], lifespan=lifespan)

    @api.post(
        "/v1/replays",
        status_code=202,
        summary="Run a stage again over recordings that have a result.",
        response_model=ReplayDocument,
        responses={200: {"model": Matching, "description": "Of a dry run."}, **documented(400, 422, 503)},
    )
    @needs("admin")
    async def order(
        order: Order, dry_run: Annotated[bool, Query(description="Only count what matches.")] = False
    ) -> Response:
        """Each recording gets one new version of its result when the stage is through with all of it.
        Until then, and when it fails, the result it has stays. With a key of a tenant it is about that tenant's."""
        order = _of_caller(order)
        if dry_run:
            count, first = await asking.count(order)
            return _json(Matching(matching=count, first=first))
        ordered = await asking.order(order)
        nudge.set()
        document = await _document(ledger, ordered)
        return _json(document, status_code=202, headers={"Location": document.href})

    @api.get("/v1/replays", summary="The latest replays, newest first.", responses=documented(503))
    @needs("admin")
    async def index() -> ReplayList:
        return ReplayList(items=[await _document(ledger, one) for one in await ledger.recent() if _is_there(one)])

    @api.get("/v1/replays/{replay_id}", summary="How a replay fares.", responses=documented(404, 503))
    @needs("admin")
    async def show(replay_id: str) -> ReplayDocument:
        ordered = await ledger.get(replay_id)
        if ordered is None or not _is_there(ordered):
            raise Problem(404, "not-found", "Not found", f"There is no replay {replay_id}.")
        return await _document(ledger, ordered, failed=FAILED_SHOWN)

    return api


def _is_there(ordered: Ordered) -> bool:
    """For whoever calls."""
    return sees(ordered.order.where.tenant)


def _of_caller(order: Order) -> Order:
    """Raises Refused: 403, it is about another tenant's recordings."""
    caller = calling()
    if caller is None or caller.tenant is None:
        return order
    if order.where.tenant not in (None, caller.tenant):
        raise other_tenant()
    return order.model_copy(update={"where": order.where.model_copy(update={"tenant": caller.tenant})})


async def _document(ledger: Ledger, ordered: Ordered, *, failed: int = 0) -> ReplayDocument:
    counts = await ledger.counts(ordered.id)
    standings = await ledger.failed(ordered.id, limit=failed) if failed and counts["failed"] else []
    return ReplayDocument(
        replay_id=ordered.id,
        order=ordered.order,
        created_at=ordered.created_at,
        asked=ordered.asked,
        recordings=Counts(**counts),
        failed=[Failed(media_id=one.media_id, reason=one.reason) for one in standings],
        href=f"/v1/replays/{ordered.id}",
    )


def _json(body: BaseModel, *, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status_code=status_code, headers=headers, media_type="application/json")
