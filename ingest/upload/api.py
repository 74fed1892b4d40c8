"""``POST /v1/media``: the way in for recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from ingest.upload import detect_language
from ingest.upload.document import request_document
from ingest.upload.intake import Intake, Queued
from ingest.upload.options import FOR_LANGUAGE, read_options
from ingest.upload.taking import Taking
from ingest.upload.uploads import Accepted
from ingest.upload.wanted import INTERACTIVE, LANE, Wanted, read_wanted
from polyvox.access.scopes import needs
from polyvox.http import documented
from polyvox.http.parameters import IdempotencyKey


def router(intake: Intake) -> APIRouter:
    """Uploads in one request."""
    api = APIRouter(tags=["media"])
    taking = Taking(intake)
    known = intake.known()

    @api.post(
        "/v1/media",
        status_code=202,
        response_model=Queued,
        summary="Upload a recording.",
        responses=documented(400, 408, 409, 413, 415, 422, 429, 503),
        openapi_extra=request_document(known),
    )
    @needs("upload", action="uploaded", takes_recordings=True)
    async def upload(
        request: Request,
        response: Response,
        idempotency_key: Annotated[
            IdempotencyKey | None,
            Header(
                description="Makes a retry safe: requests with the same key (1 to 255 printable ASCII characters) make "
                "one recording. Remembered for seven days; a repeated answer says `Idempotent-Replay: true`."
            ),
        ] = None,
    ) -> Queued:
        """Send the recording as the part `file` of a form, with options as other parts in any
        order; or as the whole body, with options in the query string. The answer comes when the
        recording is stored and queued. What it is is decided by its bytes alone.
        """
        accepted = await taking.take(
            request, lambda fields: read_wanted(fields, known), idempotency_key=idempotency_key
        )
        queued = Queued.of(accepted.media_id)
        response.headers["Location"] = queued.href
        if accepted.replayed:
            response.headers["Idempotent-Replay"] = "true"
        return queued

    def for_language(fields: Sequence[tuple[str, str]]) -> Wanted:
        return Wanted(read_options(fields, known, FOR_LANGUAGE))

    async def take_for_language(request: Request) -> Accepted:
        return await taking.take(request, for_language, lanes=INTERACTIVE)

    document = request_document(known, without={*FOR_LANGUAGE, LANE}, multilingual=True)
    api.include_router(detect_language.router(intake.runtime, intake.publisher(), take_for_language, document))
    return api
