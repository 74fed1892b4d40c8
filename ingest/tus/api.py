"""``/v1/tus``: the routes of tus 1.0."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from ingest.parts.completing import Completion
from ingest.parts.session import Session
from ingest.parts.sessions import Sessions
from ingest.tus import headers, refusals
from ingest.tus.documents import APPENDED, CREATED, CREATION, LOOKED, OTHERS, PATCHING, REMOVED
from ingest.tus.headers import BODY_TYPE, VERSION
from ingest.tus.turns import Turns
from ingest.tus.uploading import Uploading
from ingest.upload.intake import Intake
from polyvox.access.scopes import needs, open_to_all
from polyvox.errors import PolyvoxError
from polyvox.http import Problem
from polyvox.http.problems import from_error

PREFIX = "/v1/tus"


class TusRoute(APIRoute):
    """Every answer names the protocol's version, and no request of another one is carried out."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def with_version(request: Request) -> Response:
            try:
                if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
                    raise refusals.other_version(VERSION)
                response = await handle(request)
            except Problem as problem:
                response = problem.response()
            except PolyvoxError as error:
                response = from_error(error).response()
            response.headers["Tus-Resumable"] = VERSION
            return response

        return with_version


def router(intake: Intake) -> APIRouter:
    """Uploads by tus."""
    api = APIRouter(prefix=PREFIX, tags=["uploads"], route_class=TusRoute)
    sessions = Sessions.of(intake.runtime)
    uploading = Uploading(intake, sessions, Completion(sessions, intake.publisher()), intake.known(), Turns())

    @api.options("", status_code=204, summary="What this server can do.")
    @open_to_all
    async def options() -> Response:
        """The protocol's version, its extensions, the largest upload, the kinds of checksum."""
        return Response(
            status_code=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": ",".join(headers.EXTENSIONS),
                "Tus-Max-Size": str(intake.max_bytes),
                "Tus-Checksum-Algorithm": ",".join(headers.ALGORITHMS),
            },
        )

    @api.post(
        "",
        status_code=201,
        summary="Create an upload.",
        response_class=Response,
        responses=CREATED,
        openapi_extra=CREATION,
    )
    @needs("upload", action="uploaded", takes_recordings=True)
    async def create(request: Request) -> Response:
        """`Upload-Metadata` may have `filename`, `lane`, and every option of an upload in one request; other keys go
        with the recording as its metadata. The body may hold the first bytes. `Location` ends in the media id.
        """
        has_body = _has_body(request)
        if has_body:
            _check_type(request)
        session = await uploading.create(request.headers, intake.tenant_of(request))
        answer = {"Location": f"{PREFIX}/{session.upload_id}", **_times(session)}
        if has_body:
            session, offset = await uploading.append(session.upload_id, request, 0)
            answer["Upload-Offset"] = str(offset)
        return Response(status_code=201, headers=answer)

    @api.get(
        "/{upload_id}",
        summary="How far an upload is (to be asked with HEAD).",
        response_class=Response,
        responses=LOOKED,
        openapi_extra=OTHERS,
    )
    @needs("upload")
    async def look(upload_id: str) -> Response:
        """`Upload-Offset` is how many bytes are stored. When it is the upload's length, the recording is accepted."""
        session, offset = await uploading.look(upload_id)
        known = (
            {"Upload-Defer-Length": "1"} if session.size_bytes is None else {"Upload-Length": str(session.size_bytes)}
        )
        about = {} if session.tus_metadata is None else {"Upload-Metadata": session.tus_metadata}
        answer = {"Upload-Offset": str(offset), **known, **about, **_times(session), "Cache-Control": "no-store"}
        return Response(status_code=200, headers=answer)

    @api.patch("/{upload_id}", status_code=204, summary="Send bytes.", responses=APPENDED, openapi_extra=PATCHING)
    @needs("upload", action="uploaded", takes_recordings=True)
    async def append(upload_id: str, request: Request) -> Response:
        """The body goes on where the upload ends, which `Upload-Offset` must say. The last byte is acknowledged when
        the recording is stored and queued. Of a body that breaks off all that came is kept, unless it had an
        `Upload-Checksum`.
        """
        _check_type(request)
        offset = headers.byte_count(request.headers, "Upload-Offset")
        if offset is None:
            raise refusals.bad_header("Upload-Offset", "the number of bytes that are stored already")
        session, offset = await uploading.append(upload_id, request, offset)
        return Response(status_code=204, headers={"Upload-Offset": str(offset), **_times(session)})

    @api.delete("/{upload_id}", status_code=204, summary="Give an upload up.", responses=REMOVED, openapi_extra=OTHERS)
    @needs("upload")
    async def remove(upload_id: str) -> Response:
        """What was sent is removed. A completed upload is a recording: delete that instead."""
        await uploading.remove(upload_id)
        return Response(status_code=204)

    @api.post("/{upload_id}", include_in_schema=False)
    @needs("upload", action="uploaded", takes_recordings=True)
    async def overridden(upload_id: str, request: Request) -> Response:
        """For clients that can send no other methods."""
        match request.headers.get("X-HTTP-Method-Override", "").upper():
            case "PATCH":
                return await append(upload_id, request)
            case "DELETE":
                return await remove(upload_id)
            case "HEAD":
                return await look(upload_id)
        raise Problem(
            405,
            "method-not-allowed",
            "Method Not Allowed",
            "Send PATCH, HEAD or DELETE, or POST with one of them in X-HTTP-Method-Override.",
            headers={"Allow": "GET, HEAD, PATCH, DELETE"},
        )

    return api


def _times(session: Session) -> dict[str, str]:
    return {} if session.completed_at is not None else {"Upload-Expires": headers.http_date(session.expires_at)}


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


def _check_type(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != BODY_TYPE:
        raise refusals.other_type(BODY_TYPE)
