"""How each database is asked for a page of segments.

Parameters: ``asked`` in the database's own language, ``first`` and ``last`` number of a segment, ``most`` rows,
``latest`` segments, and ``after`` and ``before`` where the recordings' time counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from results_api.database.searchable import BLOCK_BITS

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
_SEEN = (
    "SELECT min(id) AS first, max(id) AS last, count(*) AS segments"
    " FROM (SELECT id FROM segments WHERE id BETWEEN :first AND :last ORDER BY id DESC LIMIT :latest) AS latest"
)
_LATEST = (
    "SELECT id FROM (SELECT id, words FROM segments WHERE id BETWEEN :first AND :last{timed}"
    " ORDER BY id DESC LIMIT :latest) AS latest"
    " WHERE words @@ CAST(:asked AS tsquery) ORDER BY id DESC LIMIT :most"
)
_EVERY = (
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


class Asking(NamedTuple):
    """PostgreSQL, for a page from among the ``latest`` segments one by one, and from every one by its index."""

    latest: sa.TextClause
    every: sa.TextClause


def _statement(query: str, *, timed: bool) -> sa.TextClause:
    id = "rowid" if query is _SQLITE else "id"
    in_time = f" AND ({id} >> {BLOCK_BITS} IN ({_IN_TIME.format(what='searchable.block')})) IS TRUE" if timed else ""
    numbers = ["first", "last", "most", *(("latest",) if query is _LATEST else ())]
    found = _SHOWN.format(found=query.format(timed=in_time), bits=BLOCK_BITS)
    return _with_numbers(found, [*numbers, *(("after", "before") if timed else ())])


def _with_numbers(text: str, names: Sequence[str]) -> sa.TextClause:
    """Each is a number of 64 bits, whatever its value."""
    return sa.text(text).bindparams(*(sa.bindparam(name, type_=sa.BigInteger) for name in names))


BOUNDS = _with_numbers(_IN_TIME.format(what="min(searchable.block), max(searchable.block)"), ["after", "before"])
SEEN = _with_numbers(_SEEN, ["first", "last", "latest"])
"""Where the latest segments begin and end, on PostgreSQL."""
SQLITE = {timed: _statement(_SQLITE, timed=timed) for timed in (True, False)}
"""By whether the recordings' time counts."""
POSTGRES = {timed: Asking(_statement(_LATEST, timed=timed), _statement(_EVERY, timed=timed)) for timed in (True, False)}
