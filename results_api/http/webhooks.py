"""`/v1/webhooks`: who is told how recordings end, what became of that, and telling it again."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from polyvox.access.caller import calling, sees
from polyvox.access.scopes import needs
from polyvox.errors import Invalid
from polyvox.http import Problem, documented
from polyvox.http.refusals import other_tenant
from polyvox.ids import new_media_id
from polyvox.moments import ZonedMoment
from polyvox.service import Runtime
from results_api.database.cursors import CURSOR, cursor_of, read_cursor
from results_api.database.database import Database
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.delivery import Attempt, Delivery, State
from results_api.webhooks.endpoints import ENDPOINTS_MAX, Endpoint, Endpoints
from results_api.webhooks.messages import TYPES, EventType
from results_api.webhooks.signing import new_secret
from results_api.webhooks.targets import LENGTH_MAX, checked

_ID = re.compile(r"[0-9a-f-]{36}")
_NO_NUL = r"^[^\x00]*$"
Url = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^https?://"})]
"""Which are refused, and why, targets.py knows."""


class Wanted(BaseModel):
    """A webhook to register."""

    model_config = ConfigDict(extra="forbid")

    url: Url = Field(max_length=LENGTH_MAX, description="Where to send to; https.")
    types: list[EventType] = Field(list(TYPES), min_length=1, description="What to tell of; everything by default.")
    tenant: str | None = Field(
        None, max_length=256, pattern=_NO_NUL, description="Only of this tenant's recordings; of all by default."
    )
    description: str = Field("", max_length=1000, pattern=_NO_NUL)


class WebhookDocument(BaseModel):
    """One webhook, without its secret."""

    webhook_id: str
    url: str
    types: list[EventType]
    tenant: str | None
    description: str
    created_at: datetime
    disabled_at: datetime | None = Field(None, description="Since when nothing is sent: its receiver answered 410.")
    href: str


class WebhookCreated(WebhookDocument):
    secret: str = Field(description="Verifies what is sent. It is told this once and never again.")


class WebhookList(BaseModel):
    items: list[WebhookDocument]


class DeliveryDocument(BaseModel):
    """One event and one webhook."""

    event_id: str = Field(description="The header webhook-id of every attempt.")
    type: EventType
    media_id: str
    state: State
    created_at: datetime
    next_at: datetime | None = Field(None, description="When it is tried again, or for the first time.")
    ended_at: datetime | None = None
    attempts: list[Attempt] = Field(description="The latest, oldest first.")


class DeliveryPage(BaseModel):
    items: list[DeliveryDocument]
    next_cursor: str | None


class Since(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: ZonedMoment = Field(description="Of what was first tried then or later, all that failed.")


class Replayed(BaseModel):
    replayed: int


def router(runtime: Runtime, database: Database) -> APIRouter:
    """The routes; what is due is sent by results_api/webhooks."""
    endpoints, deliveries, clock = Endpoints(database), Deliveries(database), runtime.clock
    private = runtime.settings.webhooks_private
    api = APIRouter(tags=["webhooks"])

    async def known(webhook_id: str) -> Endpoint:
        endpoint = await endpoints.get(webhook_id) if _ID.fullmatch(webhook_id) else None
        if endpoint is None or not sees(endpoint.tenant):
            raise _unknown(f"webhook {webhook_id}")
        return endpoint

    async def enabled(webhook_id: str) -> Endpoint:
        endpoint = await known(webhook_id)
        if endpoint.disabled_at is not None:
            detail = f"Nothing is sent to the webhook {webhook_id}: enable it first, POST {_href(endpoint)}/enable."
            raise Problem(409, "webhook-disabled", "The webhook is disabled", detail)
        return endpoint

    @api.post(
        "/v1/webhooks",
        status_code=201,
        summary="Register who is told how recordings end.",
        responses=documented(409, 422, 503),
    )
    @needs("admin")
    async def register(wanted: Wanted, response: Response) -> WebhookCreated:
        """What happens from now on is sent there, signed with the secret that is in this answer alone. With a key of
        a tenant it is told of that tenant's recordings."""
        tenant = _tenant(wanted)
        try:
            url = checked(wanted.url, private=private)
        except Invalid as error:
            raise Problem(422, error.code, "No target for a webhook", error.reason) from error
        now = clock.now()
        types = tuple(dict.fromkeys(wanted.types))
        endpoint = Endpoint(new_media_id(now), url, types, tenant, wanted.description, new_secret(), now)
        if not await endpoints.add(endpoint):
            detail = f"There may be {ENDPOINTS_MAX} webhooks. Delete one that nobody needs."
            raise Problem(409, "too-many-webhooks", "Too many webhooks", detail)
        response.headers["Location"] = _href(endpoint)
        return WebhookCreated(**_document(endpoint).model_dump(), secret=endpoint.secret)

    @api.get("/v1/webhooks", summary="All webhooks, oldest first.", responses=documented(503))
    @needs("admin")
    async def index() -> WebhookList:
        return WebhookList(items=[_document(endpoint) for endpoint in await endpoints.all() if sees(endpoint.tenant)])

    @api.get("/v1/webhooks/{webhook_id}", summary="One webhook.", responses=documented(404, 503))
    @needs("admin")
    async def show(webhook_id: str) -> WebhookDocument:
        return _document(await known(webhook_id))

    @api.delete(
        "/v1/webhooks/{webhook_id}",
        status_code=204,
        summary="Send nothing there any more, and forget what was.",
        responses=documented(404, 503),
    )
    @needs("admin")
    async def remove(webhook_id: str) -> None:
        if not await endpoints.remove((await known(webhook_id)).id):
            raise _unknown(f"webhook {webhook_id}")

    @api.post(
        "/v1/webhooks/{webhook_id}/enable",
        summary="Send there again, after a 410.",
        responses=documented(404, 503),
    )
    @needs("admin")
    async def enable(webhook_id: str) -> WebhookDocument:
        """What happens from now on is sent; what was not, replay brings."""
        await endpoints.enable((await known(webhook_id)).id)
        return _document(await known(webhook_id))

    @api.get(
        "/v1/webhooks/{webhook_id}/deliveries",
        summary="What was sent or will be, newest first.",
        responses=documented(404, 422, 503),
    )
    @needs("admin")
    async def log(
        webhook_id: str,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(pattern=CURSOR, description="next_cursor of the page before.")] = None,
    ) -> DeliveryPage:
        """Kept for 30 days after the last attempt, and as long as the recording is there."""
        before = read_cursor(cursor) if cursor else None
        found = await deliveries.page((await known(webhook_id)).id, state=state, limit=limit + 1, before=before)
        last = found[limit - 1] if len(found) > limit else None
        next_cursor = cursor_of(last.created_at, last.event_id) if last else None
        return DeliveryPage(items=[_delivery(one) for one in found[:limit]], next_cursor=next_cursor)

    @api.post(
        "/v1/webhooks/{webhook_id}/deliveries/{event_id}/replay",
        status_code=202,
        summary="Send one again, whatever became of it.",
        responses=documented(404, 409, 503),
    )
    @needs("admin")
    async def replay_one(webhook_id: str, event_id: str) -> DeliveryDocument:
        """With the same webhook-id and body as before, and a fresh signature."""
        endpoint = await enabled(webhook_id)
        found = await deliveries.replay(endpoint.id, event_id, clock.now()) if _ID.fullmatch(event_id) else None
        if found is None:
            raise _unknown(f"delivery {event_id} to the webhook {webhook_id}")
        return _delivery(found)

    @api.post(
        "/v1/webhooks/{webhook_id}/replay",
        status_code=202,
        summary="Send all that failed since then again.",
        responses=documented(404, 409, 422, 503),
    )
    @needs("admin")
    async def replay_failed(webhook_id: str, order: Since) -> Replayed:
        endpoint = await enabled(webhook_id)
        return Replayed(replayed=await deliveries.replay_failed(endpoint.id, order.since, clock.now()))

    return api


def _tenant(wanted: Wanted) -> str | None:
    """Raises Refused: 403, it is another one than that of whoever calls."""
    caller = calling()
    tenant = caller.tenant if caller and wanted.tenant is None else wanted.tenant
    if not sees(tenant):
        raise other_tenant()
    return tenant


def _unknown(what: str) -> Problem:
    return Problem(404, "not-found", "Not found", f"There is no {what}. GET /v1/webhooks lists the webhooks.")


def _href(endpoint: Endpoint) -> str:
    return f"/v1/webhooks/{endpoint.id}"


def _document(endpoint: Endpoint) -> WebhookDocument:
    return WebhookDocument(
        webhook_id=endpoint.id,
        url=endpoint.url,
        types=list(endpoint.types),
        tenant=endpoint.tenant,
        description=endpoint.description,
        created_at=endpoint.created_at,
        disabled_at=endpoint.disabled_at,
        href=_href(endpoint),
    )


def _delivery(delivery: Delivery) -> DeliveryDocument:
    return DeliveryDocument(
        event_id=delivery.event_id,
        type=delivery.type,
        media_id=delivery.media_id,
        state=delivery.state,
        created_at=delivery.created_at,
        next_at=delivery.next_at if delivery.state == "pending" else None,
        ended_at=delivery.ended_at,
        attempts=list(delivery.attempts),
    )
