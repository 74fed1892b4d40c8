"""``POST /v1/bucket-events``: bucket notifications over HTTP, as MinIO's webhook sends them."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request

from ingest.bucket.notice_schema import NOTIFICATION
from ingest.bucket.notices import read_notices
from polyvox import metrics
from polyvox.access.scopes import open_to_all
from polyvox.errors import Invalid
from polyvox.http import Problem, documented
from polyvox.http.key_document import BUCKET_SCHEME
from polyvox.metrics import BUCKET_NOTIFICATIONS
from polyvox.ports import Message
from polyvox.service import Runtime
from polyvox.topics import BUCKET_EVENTS

BODY_BYTES_MAX = 1024 * 1024


def router(runtime: Runtime) -> APIRouter:
    """The route, if settings have a token for it; nothing otherwise."""
    api = APIRouter(tags=["buckets"])
    token = runtime.settings.bucket_events_token
    if token is None:
        return api
    expected = f"Bearer {token.get_secret_value()}".encode()
    count = metrics.process_metrics()

    @api.post(
        "/v1/bucket-events",
        status_code=200,
        summary="Tell of objects that were put into a watched bucket.",
        responses=documented(400, 401, 413, 503),
        openapi_extra={
            "security": [{BUCKET_SCHEME: []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": NOTIFICATION}}},
        },
    )
    @open_to_all
    async def told(request: Request) -> dict[str, int]:
        """Send a notification as MinIO or AWS write it. The answer comes when it is kept; anything but
        200 asks for it to be sent again."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
            count.add(BUCKET_NOTIFICATIONS, way="webhook", outcome="unauthorized")
            raise _unauthorized()
        body = await _body(request)
        try:
            found = read_notices(body, now=runtime.clock.now())
        except Invalid as error:
            count.add(BUCKET_NOTIFICATIONS, way="webhook", outcome=error.code)
            raise Problem(
                400, error.code, "The notification is not understood", f"{error.reason.capitalize()}."
            ) from error
        if found:
            key = f"{found[0].bucket}/{found[0].key}"
            await runtime.log.append([Message(BUCKET_EVENTS.name, key, body)])
        count.add(BUCKET_NOTIFICATIONS, way="webhook", outcome="taken")
        return {"objects": len(found)}

    return api


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise Problem(
                413, "too-large", "The notification is too large", f"It may have at most {BODY_BYTES_MAX} bytes."
            )
    return bytes(body)


def _unauthorized() -> Problem:
    return Problem(
        401,
        "unauthorized",
        "The token is missing or wrong",
        "Send the token of POLYVOX_BUCKET_EVENTS as 'Authorization: Bearer …'; "
        "in MinIO it is the webhook's auth_token.",
        headers={"WWW-Authenticate": "Bearer"},
    )
