"""Finds what was said: segments with all the words that are asked for, page by page.

Those of the recordings whose result came last are first, and of each recording in the order they are said. Words and
tags are looked up in the full-text index; only times are those of the recording.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping

from polyvox.errors import Invalid
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.searchable import BLOCK, BLOCK_BITS, index_of
from results_api.search.asked import Term, fts5, tags, terms, tsquery
from results_api.search.snippets import snippet

LATEST = 5_000
"""Segments that PostgreSQL goes through one by one, before it is asked for all that have the words."""
CURSOR = r"^[0-9]{1,19}$"
_LAST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must hold. ``speaker``: an id, or a name in any case. Languages are those of segments."""

    tenant: str | None = None
    speaker: str | None = None
    language: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> list[str]:
        speakers = [self.speaker] if self.speaker is not None else []
        return tags(tenant=self.tenant, language=self.language, speakers=speakers, metadata=self.metadata)


@dataclass(frozen=True, slots=True)
class Hit:
    """``matches`` are ``[start, end)`` of ``text``, which of a long segment is a piece."""

    media_id: str
    filename: str | None
    created_at: datetime | None
    segment: int
    start_s: float
    end_s: float
    speaker: str | None
    label: str | None
    language: str | None
    text: str
    matches: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Page:
    hits: list[Hit]
    next_cursor: str | None


async def search(database: Database, q: str, filters: Filters, *, limit: int, cursor: str | None = None) -> Page:
    """
    Raises:
        Invalid: ``q`` cannot be asked (see ``terms``), or the cursor is none.
        Unavailable: the database is in trouble.
    """
    asked = terms(q)
    parameters: dict[str, Any] = {"first": 0, "last": _LAST if cursor is None else _read_cursor(cursor) - 1}
    after, before = filters.created_after, filters.created_before
    if after is not None or before is not None:
        parameters |= {"after": to_us(after) if after else -_LAST, "before": to_us(before) if before else _LAST}
    parameters["most"] = limit + 1
    found = await database.read(lambda connection: _found(connection, asked, filters.tags, parameters), kind="search")
    hits = [_hit(row, asked) for row in found[:limit]]
    return Page(hits, str(found[limit - 1]["id"]) if len(found) > limit else None)


def _found(
    connection: sa.Connection, asked: Sequence[Term], marked: Sequence[str], parameters: Mapping[str, Any]
) -> Sequence[RowMapping]:
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        # Words differ too much in how often they are said for one plan to fit them all.
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    given = {**parameters, "asked": (fts5 if sqlite else tsquery)(asked, marked)}
    timed = "after" in given
    if timed:
        lowest, highest = connection.execute(_BOUNDS, {name: given[name] for name in ("after", "before")}).one()
        if lowest is None:
            return []
        given["first"] = lowest << BLOCK_BITS
        given["last"] = min(given["last"], (highest << BLOCK_BITS) + BLOCK - 1)
    rows: Sequence[RowMapping] = []
    for query in _QUERIES[sqlite, timed]:
        rows = connection.execute(query, given).mappings().all()
        if len(rows) > given["most"] - 1:
            break
    return rows


def _hit(row: RowMapping, asked: Sequence[Term]) -> Hit:
    text, found = snippet(row["text"], asked)
    return Hit(
        media_id=row["media_id"],
        filename=row["filename"],
        created_at=None if row["created_at_us"] is None else from_us(row["created_at_us"]),
        segment=index_of(row["id"]),
        start_s=row["start_s"],
        end_s=row["end_s"],
        speaker=row["speaker"],
        label=row["label"],
        language=row["language"],
        text=text,
        matches=found,
    )


def _read_cursor(cursor: str) -> int:
    if not re.fullmatch(CURSOR, cursor):
        raise Invalid(
            "This cursor is none of ours: take next_cursor from the page before, as it is.", code="bad-cursor"
        )
    return min(int(cursor), _LAST)


_IN_TIME = (
    "SELECT {what} FROM recordings JOIN searchable ON searchable.media_id = recordings.media_id"
    " WHERE recordings.created_at_us > :after AND recordings.created_at_us < :before"
)
_SQLITE = (
    "SELECT rowid AS id FROM segment_words WHERE segment_words MATCH :asked AND rowid BETWEEN :first AND :last{timed}"
    " ORDER BY rowid DESC LIMIT :most"
)
# What is said often fills a page from among the latest; for anything else the index is asked. Left to itself the
# planner guesses which it is, and goes through all segments for a word that hardly anybody says.
_POSTGRES_LATEST = (
    "SELECT id FROM (SELECT id, words FROM segments WHERE id BETWEEN :first AND :last{timed}"
    " ORDER BY id DESC LIMIT {latest}) AS latest"
    " WHERE words @@ CAST(:asked AS tsquery) ORDER BY id DESC LIMIT :most"
)
_POSTGRES = (
    "WITH every AS MATERIALIZED (SELECT id FROM segments"
    " WHERE words @@ CAST(:asked AS tsquery) AND id BETWEEN :first AND :last{timed})"
    " SELECT id FROM every ORDER BY id DESC LIMIT :most"
)
_SHOWN = (
    "SELECT segments.id, start_s, end_s, speaker, label, segments.language, text,"
    " recordings.media_id, filename, created_at_us"
    " FROM ({found}) AS found JOIN segments ON segments.id = found.id"
    " JOIN searchable ON searchable.block = found.id >> {bits}"
    " JOIN recordings ON recordings.media_id = searchable.media_id"
    " ORDER BY found.id DESC"
)


def _queries(sqlite: bool, timed: bool) -> list[sa.TextClause]:
    """To be asked one after the other until there is a page."""
    numbers = ["first", "last", "most", *(["after", "before"] if timed else [])]
    id = "rowid" if sqlite else "id"
    in_time = f" AND ({id} >> {BLOCK_BITS} IN ({_IN_TIME.format(what='searchable.block')})) IS TRUE" if timed else ""
    ways = [_SQLITE] if sqlite else [_POSTGRES_LATEST, _POSTGRES]
    found = [way.format(timed=in_time, latest=LATEST) for way in ways]
    return [_with_numbers(_SHOWN.format(found=one, bits=BLOCK_BITS), numbers) for one in found]


def _with_numbers(text: str, names: Sequence[str]) -> sa.TextClause:
    """Each is a number of 64 bits, whatever its value."""
    return sa.text(text).bindparams(*(sa.bindparam(name, type_=sa.BigInteger) for name in names))


_BOUNDS = _with_numbers(_IN_TIME.format(what="min(searchable.block), max(searchable.block)"), ["after", "before"])
_QUERIES = {(sqlite, timed): _queries(sqlite, timed) for sqlite in (True, False) for timed in (True, False)}
