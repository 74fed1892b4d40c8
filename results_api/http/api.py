"""The way out: what recordings there are, how they fare, what was said; and their removal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from sse_starlette import EventSourceResponse

from polyvox.access.scopes import needs
from polyvox.http import documented
from polyvox.http.gateway import caller_of
from polyvox.http.parameters import text_like
from polyvox.moments import Moment
from polyvox.publish import Publisher
from polyvox.service import Runtime
from results_api.database import listing
from results_api.database.cursors import CURSOR
from results_api.database.database import Database
from results_api.database.listing import Filters
from results_api.database.recording import Status
from results_api.http import audio as api_audio
from results_api.http import (
    conditional,
    corrections,
    people,
    replays,
    retention,
    searching,
    tickets,
    transcript,
    webhooks,
)
from results_api.http import events as events_stream
from results_api.http.documents import MediaDocument, MediaPage
from results_api.http.items import Items
from results_api.http.reading import Reading, unknown
from results_api.http.transcript import NOT_MODIFIED
from results_api.http.transcripts import Transcripts
from results_api.http.watching import Watching
from results_api.projection.deletion import SOURCE, Deletion
from results_api.view.trace import TraceDocument
from results_api.view.trace import trace as trace_of

METADATA = "metadata."

Cursor = Annotated[str, text_like(CURSOR)]


def router(runtime: Runtime) -> APIRouter:
    """The results API on the runtime's store and log, and the results database."""
    settings = runtime.settings
    database = Database(settings.database_url, connections=settings.database_connections)
    reading = Reading(runtime, database)
    watching = Watching(database, runtime.stopping)
    transcripts = Transcripts(runtime.store)
    items = Items()
    deletion = Deletion(database, runtime.store, Publisher(runtime.log, runtime.clock, SOURCE), runtime.clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await watching.close()
            await database.close()

    api = APIRouter(tags=["media"], lifespan=lifespan)

    @api.get(
        "/v1/media",
        summary="List recordings, newest first.",
        response_model=MediaPage,
        responses=documented(400, 422, 503),
    )
    @needs("read")
    async def index(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[Cursor | None, Query(description="next_cursor of the page before.")] = None,
        status: Annotated[Status | None, Query(description="Deleted recordings are listed only by this.")] = None,
        language: str | None = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
        filename: Annotated[str | None, Query(description="A piece of the file's name, in any case.")] = None,
    ) -> Response:
        """Besides these parameters, any number of `metadata.KEY=VALUE`."""
        filters = Filters(
            status=status,
            language=language,
            tenant=caller_of(request, settings.trust_tenant_header).tenant,
            created_after=created_after,
            created_before=created_before,
            filename=filename,
            metadata={
                name.removeprefix(METADATA): value
                for name, value in request.query_params.items()
                if name.startswith(METADATA)
            },
        )
        found = await listing.page_of_rows(database, filters, limit=limit, cursor=cursor)
        return Response(items.page(found), media_type="application/json")

    @api.get(
        "/v1/media/{media_id}",
        summary="How a recording fares.",
        response_model=MediaDocument,
        responses={**NOT_MODIFIED, **documented(404, 503)},
    )
    @needs("read")
    async def show(media_id: str, request: Request) -> Response:
        """A deleted recording has the status `deleted`, and nothing else is known of it."""
        recording = await reading.known(media_id)
        document = await reading.document(recording)
        # Weak: the estimate counts down while the recording stays as it is.
        etag = f'W/"{recording.revision}"'
        body = document.model_dump_json().encode()
        return conditional.answer(request, body, media_type="application/json", etag=etag)

    @api.get(
        "/v1/media/{media_id}/trace",
        summary="What a recording's time went to.",
        responses=documented(404, 410, 503),
    )
    @needs("read")
    async def trace(media_id: str) -> TraceDocument:
        """One span for each piece of work, from the upload to the result, as far as it is by now."""
        recording = await reading.present(media_id)
        outcome = recording.outcome
        published_at, note = (outcome.published_at or outcome.ended_at, outcome.note) if outcome else (None, None)
        return trace_of(recording.view, published_at=published_at, note=note)

    @api.get(
        "/v1/media/{media_id}/events",
        summary="Progress as server-sent events.",
        response_class=EventSourceResponse,
        responses={204: {"description": "The client has all there is to come."}, **documented(404, 503)},
    )
    @needs("read", takes_tickets=True)
    async def stream(
        media_id: str, last_event_id: Annotated[str | None, Header(description="Where to go on.")] = None
    ) -> Response:
        """`progress` events with the document of `GET /v1/media/{media_id}` as data; `completed`,
        `failed` or `deleted` ends them."""
        recording = await reading.known(media_id)
        if events_stream.has_all(recording, last_event_id):
            # Tells browsers not to connect again.
            return Response(status_code=204)
        content = events_stream.events(reading, watching, recording, last_event_id=last_event_id)
        return EventSourceResponse(content, ping=events_stream.HEARTBEAT_S)

    @api.delete(
        "/v1/media/{media_id}",
        status_code=204,
        summary="Delete a recording and everything made from it.",
        responses=documented(404, 503),
    )
    @needs("upload", "read")
    async def delete(media_id: str) -> None:
        """Works in every state, also again. What is left is the fact that it was deleted."""
        if await reading.find(media_id) is None or not await deletion.delete(media_id):
            raise unknown(media_id)
        transcripts.forget(media_id)

    for others in (
        api_audio.router(runtime, reading),
        corrections.router(runtime, database, reading, watching, transcripts),
        people.router(runtime, database, reading),
        replays.router(runtime, database),
        retention.router(runtime, database),
        searching.router(runtime, database),
        tickets.router(runtime, reading),
        transcript.router(reading, transcripts),
        webhooks.router(runtime, database),
    ):
        api.include_router(others)
    return api
