"""Lists of recordings, newest first, page by page.

A cursor names the last recording of a page by time and id, so a page begins where the one
before ended, however many recordings came or went in between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from polyvox.errors import Invalid
from results_api.database.connections import transaction
from results_api.database.database import Database
from results_api.database.recording import Status
from results_api.database.rows import SUMMARY_COLUMNS, Summary, label_digest, summary_of, to_us
from results_api.database.tables import labels, recordings

RECENT = 20
CURSOR = r"^[0-9]{1,16}\.[A-Za-z0-9._-]{1,64}$"
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


async def page(database: Database, filters: Filters, *, limit: int, cursor: str | None = None) -> Page:
    """Raises Invalid for a cursor that is none, Unavailable when the database is in trouble."""
    query = sa.select(*(recordings.c[name] for name in SUMMARY_COLUMNS)).where(_TIME.is_not(None), *_where(filters))
    if cursor is not None:
        time_us, media_id = _read_cursor(cursor)
        query = query.where(
            sa.tuple_(_TIME, _ID) < sa.tuple_(sa.literal(time_us, _TIME.type), sa.literal(media_id, _ID.type))
        )
    query = query.order_by(_TIME.desc(), _ID.desc()).limit(limit + 1)
    read = await database.read(lambda connection: connection.execute(query).mappings().all(), kind="page")
    found = [summary_of(row) for row in read]
    more = len(found) > limit
    return Page(found[:limit], _cursor(found[limit - 1]) if more else None)


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


def _cursor(last: Summary) -> str:
    return f"{to_us(last.created_at)}.{last.media_id}"


def _read_cursor(cursor: str) -> tuple[int, str]:
    if not re.fullmatch(CURSOR, cursor):
        raise Invalid(
            "This cursor is none of ours: take next_cursor from the page before, as it is.", code="bad-cursor"
        )
    time_us, _, media_id = cursor.partition(".")
    return int(time_us), media_id
