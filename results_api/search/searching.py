"""Finds what was said: segments with all the words that are asked for, page by page.

Those of the recordings whose result came last are first, and of each recording in the order they are said. Words and
tags are looked up in the full-text index; only times are those of the recording.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping

from polyvox.cursors import checked
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.searchable import BLOCK, BLOCK_BITS, index_of
from results_api.search import statements
from results_api.search.asked import Term, fts5, tags, terms, tsquery
from results_api.search.snippets import snippet
from results_api.search.windows import marks, windows

LATEST = 5_000
"""Segments that PostgreSQL goes through one by one for a beginning of a word, before its index is asked."""
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
        lowest, highest = connection.execute(
            statements.BOUNDS, {name: given[name] for name in ("after", "before")}
        ).one()
        if lowest is None:
            return []
        given["first"] = lowest << BLOCK_BITS
        given["last"] = min(given["last"], (highest << BLOCK_BITS) + BLOCK - 1)
    if sqlite:
        return connection.execute(statements.SQLITE[timed], given).mappings().all()
    begun = any(term.prefix for term in asked)
    return _latest_first(connection, statements.POSTGRES[timed], given, begun=begun)


def _latest_first(
    connection: sa.Connection, ask: statements.Asking, given: Mapping[str, Any], *, begun: bool
) -> Sequence[RowMapping]:
    """On PostgreSQL; ``begun``: some of the words are beginnings.

    For these its index gathers all segments of all words that begin so, however few windows it is asked for. So the
    latest are gone through first, and then it is asked once.
    """
    bounds = {name: given[name] for name in ("first", "last")}
    rows: list[RowMapping] = []
    if begun:
        rows += connection.execute(ask.one_by_one, {**given, "latest": LATEST}).mappings()
        if len(rows) == given["most"]:
            return rows
    latest = connection.execute(statements.LATEST, bounds).one()
    if latest.number is None:
        return []
    first, end = bounds["first"] >> BLOCK_BITS, (latest.number >> BLOCK_BITS) + 1
    looked = windows(first, end) if latest.marked and not begun else [marks(first, end)]
    given = {**given, "windows": ["{" + ",".join(map(str, one)) + "}" for one in looked]}
    return connection.execute(ask.windows, given).mappings().all()


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
    return min(int(checked(cursor, CURSOR)), _LAST)
