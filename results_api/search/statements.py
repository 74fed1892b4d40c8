"""How each database is asked for a page of segments.

Parameters: ``asked`` in the database's own language, ``first`` and ``last`` number of a segment, ``most`` rows,
``after`` and ``before`` where the recordings' time counts; on PostgreSQL the marks of ``windows``, or how many of the
``latest`` segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from results_api.database.searchable import BLOCK_BITS
from results_api.search.words_index import INDEX, MARKS

_IN_TIME = (
    "SELECT {what} FROM recordings JOIN searchable ON searchable.media_id = recordings.media_id"
    " WHERE recordings.created_at_us > :after AND recordings.created_at_us < :before"
)
_SQLITE = (
    "SELECT rowid AS id FROM segment_words WHERE segment_words MATCH :asked AND rowid BETWEEN :first AND :last{timed}"
    " ORDER BY rowid DESC LIMIT :most"
)
# Window after window, until there are enough: nothing is looked up for those behind. Left to itself the planner goes
# through all segments in falling order for a word that hardly anybody says, or looks up the numbers of most of them.
_WINDOWS = (
    "SELECT found.id FROM unnest(CAST(:windows AS text[])) AS looked (marks) CROSS JOIN LATERAL ("
    "WITH every AS MATERIALIZED (SELECT id FROM segments"
    " WHERE words @@ CAST(:asked AS tsquery) AND {marks} && CAST(looked.marks AS bigint[]))"
    " SELECT id FROM every WHERE id BETWEEN :first AND :last{timed} ORDER BY id DESC LIMIT :most"
    ") AS found LIMIT :most"
)
_ONE_BY_ONE = (
    "SELECT id FROM (SELECT id, words FROM segments WHERE id BETWEEN :first AND :last{timed}"
    " ORDER BY id DESC LIMIT :latest) AS latest"
    " WHERE words @@ CAST(:asked AS tsquery) ORDER BY id DESC LIMIT :most"
)
_LATEST = (
    "SELECT (SELECT max(id) FROM segments WHERE id BETWEEN :first AND :last) AS number,"
    " coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{index}')), false) AS marked"
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
    """PostgreSQL, for a page from windows by its index, or from the latest segments one by one."""

    windows: sa.TextClause
    one_by_one: sa.TextClause


def _statement(query: str, *, timed: bool) -> sa.TextClause:
    id = "rowid" if query is _SQLITE else "id"
    in_time = f" AND ({id} >> {BLOCK_BITS} IN ({_IN_TIME.format(what='searchable.block')})) IS TRUE" if timed else ""
    numbers = ["first", "last", "most", *(("latest",) if query is _ONE_BY_ONE else ())]
    found = _SHOWN.format(found=query.format(timed=in_time, marks=MARKS), bits=BLOCK_BITS)
    return _with_numbers(found, [*numbers, *(("after", "before") if timed else ())])


def _with_numbers(text: str, names: Sequence[str]) -> sa.TextClause:
    """Each is a number of 64 bits, whatever its value."""
    return sa.text(text).bindparams(*(sa.bindparam(name, type_=sa.BigInteger) for name in names))


BOUNDS = _with_numbers(_IN_TIME.format(what="min(searchable.block), max(searchable.block)"), ["after", "before"])
LATEST = _with_numbers(_LATEST.format(index=INDEX), ["first", "last"])
"""The ``number`` of the latest segment, and whether the index has marks; on PostgreSQL."""
SQLITE = {timed: _statement(_SQLITE, timed=timed) for timed in (True, False)}
"""By whether the recordings' time counts."""
POSTGRES = {timed: Asking(_statement(_WINDOWS, timed=timed), _statement(_ONE_BY_ONE, timed=timed)) for timed in SQLITE}
