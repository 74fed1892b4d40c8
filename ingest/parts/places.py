"""Where the bytes of a part go: into the object store by themselves, or through this server."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from ingest.parts import refusals
from ingest.parts.body import whole_part
from ingest.parts.documents import StoredPart, UrlsAsked, UrlsGiven, WhereToPut
from ingest.parts.session import Session
from ingest.parts.sessions import Sessions
from ingest.upload.document import BINARY
from ingest.upload.intake import Intake
from polyvox.access.scopes import needs
from polyvox.errors import NotFound
from polyvox.http import documented

URL_EXPIRES_S = 3600


def router(intake: Intake) -> APIRouter:
    """The routes that take bytes, or say who does."""
    runtime = intake.runtime
    api = APIRouter(prefix="/v1/uploads", tags=["uploads"])
    sessions = Sessions.of(runtime)

    @api.post("/{upload_id}/urls", summary="Where to PUT parts.", responses=documented(400, 404, 409, 410, 422, 503))
    @needs("upload", action="uploaded")
    async def urls(upload_id: str, asked: UrlsAsked) -> UrlsGiven:
        """A URL for each part, to which its bytes are sent with PUT and nothing else: no form, no credentials. It leads
        into the object store, or to this server where the store cannot take bytes from others; a URL without a host
        is relative to this server. The answer to the PUT carries an `ETag`.
        """
        session = await sessions.get_open(upload_id, "parts")
        _check_numbers(session, asked.numbers)
        now = runtime.clock.now()
        expires_s = max(1, min(URL_EXPIRES_S, int((session.expires_at - now).total_seconds())))
        given = []
        for number in asked.numbers:
            url = await runtime.store.part_url(session.original_key, session.store_upload, number, expires_s=expires_s)
            own = f"/v1/uploads/{upload_id}/parts/{number}"
            given.append(WhereToPut(number=number, url=url or own, size_bytes=session.part_size(number)))
        return UrlsGiven(urls=given, expires_at=now + timedelta(seconds=expires_s))

    @api.put(
        "/{upload_id}/parts/{number}",
        summary="Send one part through this server.",
        responses=documented(400, 404, 408, 409, 410, 422, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": BINARY}}}},
    )
    @needs("upload", action="uploaded", takes_recordings=True)
    async def put_part(upload_id: str, number: int, request: Request, response: Response) -> StoredPart:
        """The part's bytes are the body. A part that was sent before is replaced."""
        session = await sessions.get_open(upload_id, "parts")
        _check_numbers(session, [number])
        size_bytes = session.part_size(number)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) != size_bytes:
            raise refusals.part_of_wrong_size(number, size_bytes)
        async with intake.body(request) as chunks:
            try:
                part = await runtime.store.put_part(
                    session.original_key, session.store_upload, number, whole_part(chunks, number, size_bytes)
                )
            except NotFound as error:
                raise refusals.no_upload() from error
        response.headers["ETag"] = f'"{part.etag}"'
        return StoredPart.of(part)

    return api


def _check_numbers(session: Session, numbers: list[int]) -> None:
    wanted = session.part_numbers()
    wrong = [number for number in numbers if number not in wanted]
    if wrong:
        raise refusals.no_such_part(wrong, len(wanted))
