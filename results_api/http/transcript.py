"""`/v1/media/{media_id}/transcript`: who said what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from polyvox.access.scopes import needs
from polyvox.contracts import Transcript
from polyvox.errors import PolyvoxError
from polyvox.http import Problem, documented
from results_api.formats import negotiation as formats
from results_api.formats.negotiation import Format
from results_api.formats.style import USUAL, Style
from results_api.http import conditional, styling
from results_api.http.reading import Reading
from results_api.http.transcripts import Transcripts

# Documented as a choice, yet read as text: the refusal is ours, and names the header's way as well.
FORMAT = Query(description="Goes before Accept.", json_schema_extra={"enum": list(formats.MEDIA_TYPES)})
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has it."}}
_PLAIN: dict[bytes, Format | None] = {b"": None, **{f"format={form}".encode(): form for form in formats.MEDIA_TYPES}}
"""What most requests say after the question mark."""


def router(reading: Reading, transcripts: Transcripts) -> APIRouter:
    async def answer(request: Request, media_id: str, form: Format, style: Style) -> Response:
        rendered = await transcripts.get(await reading.present(media_id), form, style)
        return conditional.answer(
            request,
            rendered.body,
            media_type=formats.content_type(form),
            etag=rendered.etag,
            modified_at=rendered.modified_at,
            vary="Accept",
        )

    class AtOnce(APIRoute):
        """Answers a plain request by itself: to work out ten parameters that are not given takes the framework longer
        than all the rest takes us. Whoever comes as far has passed the guard."""

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            said = scope.get("query_string", b"")
            if said not in _PLAIN or scope["method"] != "GET":
                await super().handle(scope, receive, send)
                return
            request = Request(scope)
            try:
                form = formats.wanted(_PLAIN[said], request.headers.get("accept"))
                response = await answer(request, scope["path_params"]["media_id"], form, USUAL)
            except (Problem, PolyvoxError):
                # Refused the usual way, which makes an answer of it that the audit trail is told of.
                await super().handle(scope, receive, send)
                return
            await response(scope, receive, send)

    api = APIRouter(tags=["media"], route_class=AtOnce)

    @api.get(
        "/v1/media/{media_id}/transcript",
        summary="Who said what.",
        response_model=Transcript,
        responses={
            200: {"content": {formats.MEDIA_TYPES[form]: {} for form in formats.MEDIA_TYPES if form != "json"}},
            **NOT_MODIFIED,
            **documented(400, 404, 406, 409, 410, 422, 503),
        },
    )
    @needs("read")
    async def transcript(
        media_id: str,
        request: Request,
        format: Annotated[str | None, FORMAT] = None,
        # Not among the parameters: of this header OpenAPI speaks by the types of an answer.
        accept: Annotated[str | None, Header(include_in_schema=False)] = None,
        *,
        style: Annotated[Style, Depends(styling.style)],
    ) -> Response:
        """Words are there as soon as they are written, with `status` `processing`; speakers when they come.
        Where no format is given, `Accept` decides."""
        return await answer(request, media_id, formats.wanted(format, accept), style)

    return api
