"""``/v1/uploads``: a recording in parts, straight into the object store where that can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import JsonValue

from ingest.parts.completing import Completion
from ingest.parts.documents import Completing, NewUpload, UploadState, new_upload_document
from ingest.parts.session import Session
from ingest.parts.sessions import Sessions, Wish
from ingest.upload.idempotency import checked_key
from ingest.upload.intake import Intake, Queued
from ingest.upload.options import Known, check_options, checked_metadata, clean_filename
from ingest.upload.refusals import empty_file, too_large
from polyvox.access.scopes import needs
from polyvox.contracts import Options
from polyvox.http import documented
from polyvox.http.parameters import IdempotencyKey


def router(intake: Intake) -> APIRouter:
    """Uploads in parts."""
    runtime = intake.runtime
    api = APIRouter(prefix="/v1/uploads", tags=["uploads"])
    sessions = Sessions.of(runtime)
    completion = Completion(sessions, intake.publisher())
    known = intake.known()
    new_upload = new_upload_document(known, intake.max_bytes)

    async def state_of(session: Session) -> UploadState:
        if session.completed_at is not None:
            return UploadState.of(session, [])
        return UploadState.of(session, await sessions.parts(session))

    @api.post(
        "",
        status_code=201,
        summary="Begin an upload in parts.",
        responses=documented(400, 413, 422, 429, 503),
        openapi_extra={"requestBody": {"content": {"application/json": {"schema": new_upload}}}},
    )
    @needs("upload", action="uploaded")
    async def begin(
        new: NewUpload,
        request: Request,
        response: Response,
        idempotency_key: Annotated[
            IdempotencyKey | None,
            Header(description="Makes a retry safe: requests with the same key begin one upload."),
        ] = None,
    ) -> UploadState:
        """Say how large the recording is and what is wanted. The answer says how to cut it: parts of `part_bytes`,
        the last one what is left. Send them in any order, several at a time, then complete the upload.
        """
        if new.size_bytes == 0:
            raise empty_file()
        tenant = intake.tenant_of(request)
        if new.size_bytes > (max_bytes := intake.max_bytes_of(tenant)):
            raise too_large(max_bytes)
        await intake.gate.admit(tenant, new.lane)
        wish = Wish(
            tenant=tenant,
            size_bytes=new.size_bytes,
            filename=clean_filename(new.filename),
            options=_options(new.options, known),
            lane=new.lane,
        )
        key = None if idempotency_key is None else checked_key(idempotency_key)
        session = await sessions.begin(wish, idempotency_key=key)
        response.headers["Location"] = f"/v1/uploads/{session.upload_id}"
        return await state_of(session)

    @api.get("/{upload_id}", summary="What arrived of an upload.", responses=documented(404, 410, 503))
    @needs("upload")
    async def state(upload_id: str) -> UploadState:
        """The parts that are stored: whoever goes on with an upload sends the others."""
        return await state_of(await sessions.get(upload_id, "parts"))

    @api.post(
        "/{upload_id}/complete",
        status_code=202,
        summary="All parts are there: accept the recording.",
        responses=documented(400, 404, 409, 410, 415, 422, 503),
    )
    @needs("upload", action="uploaded")
    async def complete(
        upload_id: str, request: Request, response: Response, completing: Completing | None = None
    ) -> Queued:
        """As with an upload in one request, the answer comes when the recording is stored and queued, and what it is
        is decided by its bytes. Completing an upload again gives the same recording, so a request without an answer
        is simply repeated. ETags need not be sent; those that are must be what is stored.
        """
        session = await sessions.get(upload_id, "parts")
        etags = completing.etags() if completing else {}
        try:
            accepted = await completion.complete(session, etags, traceparent=request.headers.get("traceparent"))
        except Exception as error:
            intake.count_failed(error)
            raise
        intake.count_accepted(session.tenant, session.lane, session.size_bytes or 0, replayed=accepted.replayed)
        queued = Queued.of(accepted.media_id)
        response.headers["Location"] = queued.href
        if accepted.replayed:
            response.headers["Idempotent-Replay"] = "true"
        return queued

    @api.delete("/{upload_id}", status_code=204, summary="Give an upload up.", responses=documented(404, 409, 503))
    @needs("upload")
    async def give_up(upload_id: str) -> None:
        """Its parts are removed. A completed upload is a recording: delete that instead."""
        await sessions.remove(await sessions.get_open(upload_id, "parts"))

    return api


def _options(given: Mapping[str, JsonValue], known: Known) -> Options:
    """null is not given, as everywhere."""
    values = {name: value for name, value in given.items() if value is not None}
    return check_options(values, checked_metadata(values.pop("metadata", {})), known, typed=True)
