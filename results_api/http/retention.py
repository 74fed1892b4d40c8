"""`/v1/retention`: how long recordings are kept, what goes when, and what went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from polyvox.access.caller import calling
from polyvox.access.scopes import needs
from polyvox.http import documented
from polyvox.service import Runtime
from polyvox.settings.retention import DAYS_MAX
from results_api.database.database import Database
from results_api.retention.limits import Limits, What
from results_api.retention.report import Fate, fate, tenants

Days = Annotated[float | None, Query(ge=0, le=DAYS_MAX)]


class DueRecording(BaseModel):
    media_id: str
    created_at: datetime = Field(description="When its upload was accepted.")
    due_at: datetime


class FateDocument(BaseModel):
    """Of a tenant's audio, or of its text, with which everything goes. Counts are of recordings."""

    days: float | None = Field(description="The age from which it goes; null: never.")
    due: int = Field(description="Past that age by now.")
    soon: int = Field(description="Will be within the days of the report.")
    next_at: datetime | None = Field(description="When the oldest goes, or should have gone.")
    removed: int = Field(description="Went for their age on the last days of the report.")
    first: list[DueRecording] = []


class TenantRetention(BaseModel):
    tenant: str
    audio: FateDocument
    text: FateDocument


class RetentionReport(BaseModel):
    """``in_force`` false: the limits are those of the request, and nothing goes by them."""

    at: datetime
    days: float
    in_force: bool
    items: list[TenantRetention]


def router(runtime: Runtime, database: Database) -> APIRouter:
    """What is due is removed by results_api/retention/sweep.py, in the projection."""
    clock = runtime.clock
    api = APIRouter(tags=["retention"])

    @api.get(
        "/v1/retention", summary="What goes when because of its age, and what went.", responses=documented(422, 503)
    )
    @needs("admin")
    async def report(
        days: Annotated[float, Query(ge=0, le=DAYS_MAX, description="How far to look back and ahead.")] = 30.0,
        tenant: Annotated[str | None, Query(description="Of this tenant only.")] = None,
        first: Annotated[int, Query(ge=0, le=200, description="Name so many of those that are due.")] = 0,
        audio_days: Days = None,
        text_days: Days = None,
    ) -> RetentionReport:
        """With `audio_days` or `text_days`: what would go if those were the limits of everybody. Nothing does."""
        in_force = audio_days is None and text_days is None
        limits = Limits.of(runtime.settings) if in_force else Limits(audio_days, text_days)
        now = clock.now()
        caller = calling()
        only = caller.tenant if caller is not None and caller.tenant is not None else tenant
        names = [only] if only is not None else await tenants(database, limits, now - timedelta(days=days))

        async def of(what: What, name: str) -> FateDocument:
            return _document(await fate(database, limits, what, name, now, days=days, first=first))

        items = [
            TenantRetention(tenant=name, audio=await of("audio", name), text=await of("text", name)) for name in names
        ]
        return RetentionReport(at=now, days=days, in_force=in_force, items=items)

    return api


def _document(fate: Fate) -> FateDocument:
    age = timedelta(days=fate.days or 0.0)
    first = [
        DueRecording(media_id=one.media_id, created_at=one.created_at, due_at=one.created_at + age)
        for one in fate.first
    ]
    return FateDocument(
        days=fate.days, due=fate.due, soon=fate.soon, next_at=fate.next_at, removed=fate.removed, first=first
    )
