"""`/v1/audit`: who uploaded, read, changed and deleted, for admins; those of a tenant see what its keys did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel

from polyvox.access.caller import calling
from polyvox.access.scopes import needs
from polyvox.audit.recorder import Recorder
from polyvox.audit.trail import CURSOR, Asked, page
from polyvox.contracts.audited import Audited, AuditedAction, AuditedOutcome
from polyvox.http.parameters import text_like
from polyvox.http.problems import documented
from polyvox.http.refusals import other_tenant
from polyvox.moments import Moment
from polyvox.service import Runtime

Cursor = Annotated[str, text_like(CURSOR)]
BACK = timedelta(days=1)
LAST_S = 5.0
"""How long a process that stops waits for the log to take the last entries."""


class AuditPage(BaseModel):
    """``next_cursor`` null: there are no more by now. A page with one may be empty: ask on."""

    items: list[Audited]
    next_cursor: str | None = None


def router(runtime: Runtime, recorder: Recorder) -> APIRouter:
    """The route, and the task that writes what ``recorder`` notes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        writing = asyncio.create_task(recorder.run(), name="audit")
        try:
            yield
        finally:
            recorder.stop()
            await asyncio.wait((writing,), timeout=LAST_S)
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing

    api = APIRouter(tags=["audit"], lifespan=lifespan)

    @api.get("/v1/audit", summary="Who did what with which recording.", responses=documented(400, 403, 422, 503))
    @needs("admin")
    async def index(
        since: Annotated[Moment | None, Query(description="A day ago by default.")] = None,
        until: Moment | None = None,
        tenant: str | None = None,
        key_id: str | None = None,
        media_id: str | None = None,
        action: AuditedAction | None = None,
        outcome: AuditedOutcome | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[Cursor | None, Query(description="next_cursor of the page before.")] = None,
    ) -> AuditPage:
        """Oldest first. Reads appear within a second or two, all else before it was answered."""
        caller = calling()
        own = caller.tenant if caller else None
        if own is not None and tenant not in (None, own):
            raise other_tenant()
        asked = Asked(
            since=since or runtime.clock.now() - BACK,
            until=until,
            tenant=own or tenant,
            key_id=key_id,
            media_id=media_id,
            action=action,
            outcome=outcome,
        )
        found = await page(runtime.log, asked, limit=limit, cursor=cursor)
        return AuditPage(items=found.entries, next_cursor=found.next_cursor)

    return api
