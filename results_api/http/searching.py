"""`/v1/search`: what was said, in all recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from polyvox.access.scopes import needs
from polyvox.http import documented
from polyvox.http.gateway import caller_of
from polyvox.http.parameters import text_like
from polyvox.moments import Moment
from polyvox.service import Runtime
from results_api.database.database import Database
from results_api.search import searching
from results_api.search.searching import Filters
from results_api.search.snippets import html

METADATA = "metadata."
Q_CHARS = 500
Q = 'Words, all of which are in a segment; "phrases"; beginnings*.'

Cursor = Annotated[str, text_like(searching.CURSOR)]


class SearchHit(BaseModel):
    """One segment that has all the words."""

    media_id: str
    filename: str | None = None
    created_at: datetime | None = Field(None, description="When the upload of the recording was accepted.")
    segment: int = Field(description="Its `id` in the transcript.")
    start_s: float
    end_s: float
    speaker: str | None = None
    speaker_label: str | None = None
    language: str | None = None
    text: str = Field(description="The segment, or of a long one the piece around the first match.")
    matches: list[tuple[int, int]] = Field(description="Where in `text`, in characters: from, up to but not with.")
    snippet: str = Field(description="`text` as HTML with the matches in `<mark>`; all else is escaped.")
    transcript: str = Field(description="Path on this server.")


class SearchPage(BaseModel):
    """``next_cursor`` null: there are no more."""

    items: list[SearchHit]
    next_cursor: str | None = None


def router(runtime: Runtime, database: Database) -> APIRouter:
    api = APIRouter(tags=["search"])

    @api.get("/v1/search", summary="Search what was said.", responses=documented(400, 422, 503))
    @needs("read")
    async def search(
        request: Request,
        q: Annotated[str, Query(description=Q, min_length=1, max_length=Q_CHARS, examples=['"next steps" budget*'])],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        cursor: Annotated[Cursor | None, Query(description="next_cursor of the page before.")] = None,
        speaker: Annotated[str | None, Query(description="A speaker's id, or label in any case.")] = None,
        language: Annotated[str | None, Query(description="Of the segment.")] = None,
        created_after: Moment | None = None,
        created_before: Moment | None = None,
    ) -> SearchPage:
        """Latest results first, each as it is said. Besides these parameters, any number of `metadata.KEY=VALUE`."""
        filters = Filters(
            tenant=caller_of(request, runtime.settings.trust_tenant_header).tenant,
            speaker=speaker,
            language=language,
            created_after=created_after,
            created_before=created_before,
            metadata={
                name.removeprefix(METADATA): value
                for name, value in request.query_params.items()
                if name.startswith(METADATA)
            },
        )
        page = await searching.search(database, q, filters, limit=limit, cursor=cursor)
        return SearchPage(items=[_item(hit) for hit in page.hits], next_cursor=page.next_cursor)

    return api


def _item(hit: searching.Hit) -> SearchHit:
    return SearchHit(
        media_id=hit.media_id,
        filename=hit.filename,
        created_at=hit.created_at,
        segment=hit.segment,
        start_s=hit.start_s,
        end_s=hit.end_s,
        speaker=hit.speaker,
        speaker_label=hit.label,
        language=hit.language,
        text=hit.text,
        matches=hit.matches,
        snippet=html(hit.text, hit.matches),
        transcript=f"/v1/media/{hit.media_id}/transcript",
    )
