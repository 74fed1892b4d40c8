"""``POST /v1/detect-language``: a recording that goes through the pipeline for its language only, and is removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from ingest.upload.endings import ending_of, places
from ingest.upload.uploads import Accepted
from polyvox.access.scopes import needs
from polyvox.contracts import LanguageGuess, MediaDeleted, MediaFailed, Transcript
from polyvox.errors import PolyvoxError
from polyvox.http import Problem, documented
from polyvox.http.gateway import caller_of
from polyvox.publish import Publisher
from polyvox.service import Runtime

log = logging.getLogger(__name__)

WITHIN_S = 120.0

Take = Callable[[Request], Awaitable[Accepted]]
"""Accepts the upload of a request."""


class Detected(BaseModel):
    """``language`` is null when nobody speaks."""

    language: str | None = Field(description="The most probable language, as an ISO 639 code.")
    probability: float | None = Field(description="How probable it is, 0 to 1.")
    languages: list[LanguageGuess] = Field(description="The five most probable languages.")
    duration: float = Field(description="Length of the recording in seconds.")


def router(
    runtime: Runtime,
    publisher: Publisher,
    take: Take,
    request_document: dict[str, object],
    *,
    path: str = "/v1/detect-language",
) -> APIRouter:
    """``take`` accepts a request's upload with the task ``detect``."""
    api = APIRouter(tags=["media"])

    @api.post(
        path,
        response_model=Detected,
        summary="Which language is spoken?",
        responses=documented(400, 408, 413, 415, 422, 429, 503),
        openapi_extra=request_document,
    )
    @needs("upload", action="uploaded", takes_recordings=True)
    async def detect_language(request: Request) -> Detected:
        """Send a recording as for an upload; the answer waits for its language, and nothing is kept."""
        since = await places(runtime.log)
        accepted = await take(request)
        tenant = caller_of(request, runtime.settings.trust_tenant_header).uploads_for
        async with _removed_afterwards(runtime, publisher, accepted.media_id, tenant):
            try:
                async with asyncio.timeout(WITHIN_S):
                    ending = await ending_of(accepted.media_id, runtime.log, since, runtime.clock)
            except TimeoutError:
                raise Problem(
                    503,
                    "busy",
                    "Too busy",
                    f"The language was not found within {WITHIN_S:g} s: other work comes first. Try again later, "
                    "or upload the recording and read its language from the transcript.",
                    headers={"Retry-After": "60"},
                ) from None
            if isinstance(ending, MediaFailed):
                raise Problem(422, ending.code, "The recording cannot be used", ending.reason)
            found = Transcript.model_validate_json(await runtime.store.get(ending.result_key))
        best = found.languages[0] if found.languages else None
        return Detected(
            language=best.language if best else None,
            probability=best.probability if best else None,
            languages=found.languages,
            duration=found.duration,
        )

    return api


@asynccontextmanager
async def _removed_afterwards(
    runtime: Runtime, publisher: Publisher, media_id: str, tenant: str
) -> AsyncIterator[None]:
    try:
        yield
    finally:
        try:
            await publisher.publish(MediaDeleted(media_id=media_id, tenant=tenant, deleted_at=runtime.clock.now()))
        except PolyvoxError as error:
            log.warning("the recording %s, sent for its language only, could not be removed: %s", media_id, error)
