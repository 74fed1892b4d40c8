"""Results as the database finds them by their words, written in the transaction that says they are published.

The segments of a recording share a block of numbers, the first of them the greatest. So in falling order of numbers
come the recordings that were first published last, and of each its segments as they are said.
"""

from __future__ import annotations

import sqlalchemy as sa

from results_api.database.tables import searchable, segments
from results_api.search.asked import tsvector
from results_api.search.searchable import Searchable, Segment

BLOCK_BITS = 20
BLOCK = 1 << BLOCK_BITS


def put(connection: sa.Connection, result: Searchable) -> None:
    """In place of an older version; a version that is there, or a newer one, stays."""
    query = sa.select(searchable.c.block, searchable.c.version).where(searchable.c.media_id == result.media_id)
    known = connection.execute(query).first()
    if known is None:
        block = connection.execute(
            sa.insert(searchable).values(media_id=result.media_id, version=result.version).returning(searchable.c.block)
        ).scalar_one()
    elif known.version >= result.version:
        return
    else:
        block = known.block
        _empty(connection, block)
        update = sa.update(searchable).where(searchable.c.block == block).values(version=result.version)
        connection.execute(update)
    _fill(connection, block, result)


def remove(connection: sa.Connection, media_id: str) -> None:
    """Nothing of a recording is found any more."""
    gone = sa.delete(searchable).where(searchable.c.media_id == media_id).returning(searchable.c.block)
    for block in connection.execute(gone).scalars().all():
        _empty(connection, block)


def number(block: int, index: int) -> int:
    """Of a segment."""
    return (block << BLOCK_BITS) + BLOCK - 1 - index


def index_of(number: int) -> int:
    return BLOCK - 1 - (number & (BLOCK - 1))


def _empty(connection: sa.Connection, block: int) -> None:
    within = {"first": block << BLOCK_BITS, "last": (block << BLOCK_BITS) + BLOCK - 1}
    connection.execute(sa.delete(segments).where(segments.c.id.between(within["first"], within["last"])))
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("DELETE FROM segment_words WHERE rowid BETWEEN :first AND :last"), within)


def _fill(connection: sa.Connection, block: int, result: Searchable) -> None:
    # The greatest number last: an index grows at its end.
    found = [(number(block, one.index), one) for one in reversed(result.segments[:BLOCK])]
    if not found:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(sa.insert(segments), [_row(id, one) for id, one in found])
        connection.execute(
            _INSERT_WORDS, [{"id": id, "words": " ".join(one.words), "tags": " ".join(one.tags)} for id, one in found]
        )
    else:
        connection.execute(_INSERT, [{**_row(id, one), "words": tsvector(one.words, one.tags)} for id, one in found])


def _row(id: int, segment: Segment) -> dict[str, object]:
    return {
        "id": id,
        "start_s": segment.start_s,
        "end_s": segment.end_s,
        "speaker": segment.speaker,
        "label": segment.label,
        "language": segment.language,
        "text": segment.text,
    }


_INSERT_WORDS = sa.text("INSERT INTO segment_words (rowid, words, tags) VALUES (:id, :words, :tags)")
_INSERT = sa.text(
    "INSERT INTO segments (id, start_s, end_s, speaker, label, language, text, words)"
    " VALUES (:id, :start_s, :end_s, :speaker, :label, :language, :text, CAST(:words AS tsvector))"
)
