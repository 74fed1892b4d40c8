"""Lists of recordings, newest first, page by page.

A cursor names the last recording of a page by time and id, so a page begins where the one
before ended, however many recordings came or went in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from results_api.database.connections import transaction
from results_api.database.cursors import cursor_of, read_cursor
from results_api.database.database import Database
from results_api.database.recording import Status
from results_api.database.rows import SUMMARY_COLUMNS, Summary, from_us, label_digest, summary_of, to_us
from results_api.database.tables import labels, recordings

RECENT = 20
_TIME, _ID = recordings.c.created_at_us, recordings.c.media_id


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must hold. Deleted recordings are listed only when asked for by status."""

    status: Status | None = None
    language: str | None = None
    tenant: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    filename: str | None = None
    """Somewhere in the file's name, in upper or lower case."""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    summaries: list[Summary]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """A page as it is read: the columns of Summary, its times in microseconds."""

    rows: Sequence[dict[str, Any]]
    next_cursor: str | None


async def page(database: Database, filters: Filters, *, limit: int, cursor: str | None = None) -> Page:
    """Raises Invalid for a cursor that is none, Unavailable when the database is in trouble."""
    found = await page_of_rows(database, filters, limit=limit, cursor=cursor)
    return Page([summary_of(row) for row in found.rows], found.next_cursor)


async def page_of_rows(database: Database, filters: Filters, *, limit: int, cursor: str | None = None) -> Rows:
    """As ``page``, before anything is made of it."""
    query = sa.select(*(recordings.c[name] for name in SUMMARY_COLUMNS)).where(_TIME.is_not(None), *_where(filters))
    if cursor is not None:
        time_us, media_id = read_cursor(cursor)
        query = query.where(
            sa.tuple_(_TIME, _ID) < sa.tuple_(sa.literal(time_us, _TIME.type), sa.literal(media_id, _ID.type))
        )
    query = query.order_by(_TIME.desc(), _ID.desc()).limit(limit + 1)
    found = await database.read(
        lambda connection: [dict(row) for row in connection.execute(query).mappings()], kind="page"
    )
    if len(found) <= limit:
        return Rows(found, None)
    last = found[limit - 1]
    return Rows(found[:limit], cursor_of(from_us(last["created_at_us"]), last["media_id"]))


async def typical_s_per_audio_s(database: Database) -> float | None:
    """Median time from upload to transcript of the latest recordings, per second of audio."""
    ended, duration_s = recordings.c.ended_at_us, recordings.c.duration_s
    query = (
        sa.select(_TIME, ended, duration_s)
        .where(recordings.c.status == "completed", _TIME.is_not(None), ended.is_not(None), duration_s > 0)
        .order_by(_TIME.desc())
        .limit(RECENT)
    )
    async with transaction(database.engine) as connection:
        paces = sorted((end - start) / 1e6 / duration for start, end, duration in await connection.execute(query))
    return paces[len(paces) // 2] if paces else None


def _where(filters: Filters) -> list[sa.ColumnElement[bool]]:
    status = recordings.c.status
    conditions = [status == filters.status if filters.status else status != "deleted"]
    if filters.language is not None:
        conditions.append(recordings.c.language == filters.language)
    if filters.tenant is not None:
        conditions.append(recordings.c.tenant == filters.tenant)
    if filters.created_after is not None:
        conditions.append(to_us(filters.created_after) < _TIME)
    if filters.created_before is not None:
        conditions.append(to_us(filters.created_before) > _TIME)
    if filters.filename is not None:
        conditions.append(recordings.c.filename_folded.contains(filters.filename.casefold(), autoescape=True))
    for key, value in filters.metadata.items():
        of_label = sa.select(labels.c.media_id).where(labels.c.digest == label_digest(key, value))
        conditions.append(_ID.in_(of_label))
    return conditions
