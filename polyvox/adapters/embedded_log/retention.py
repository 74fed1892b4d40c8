"""What goes: records older than their topic keeps, and in compacted topics all but the newest of each key.

In several short transactions, so that nobody waits for long. Offsets keep counting.
"""

from __future__ import annotations

import sqlite3
from functools import partial

from polyvox.adapters.embedded_log.records import PLACES_PER_PARTITION, search
from polyvox.adapters.embedded_log.schema import write

DROPPED_PER_TRANSACTION = 2000


def enforce(connection: sqlite3.Connection, now_ms: int) -> int:
    """Returns how many records were dropped."""
    dropped = 0
    for drop_some in (partial(_drop_old, connection, now_ms), partial(_drop_superseded, connection)):
        while True:
            with write(connection):
                count = drop_some()
            if not count:
                break
            dropped += count
    if dropped:
        connection.execute("PRAGMA incremental_vacuum").fetchall()
    return dropped


def _drop_old(connection: sqlite3.Connection, now_ms: int) -> int:
    rows = connection.execute(
        "SELECT id, first_offset, next_offset, retention_ms FROM partitions JOIN topics ON topic = name"
        " WHERE retention_ms IS NOT NULL AND NOT compacted AND first_offset < next_offset"
    ).fetchall()
    for id_, first, end, retention_ms in rows:
        keep = search(connection, id_, first, end, now_ms - retention_ms)
        keep = min(keep, first + DROPPED_PER_TRANSACTION)
        if keep > first:
            base = id_ * PLACES_PER_PARTITION
            connection.execute("DELETE FROM records WHERE place >= ? AND place < ?", (base + first, base + keep))
            connection.execute("UPDATE partitions SET first_offset = ? WHERE id = ?", (keep, id_))
            return int(keep - first)
    return 0


def _drop_superseded(connection: sqlite3.Connection) -> int:
    partitions = connection.execute("SELECT id FROM partitions JOIN topics ON topic = name WHERE compacted").fetchall()
    for (id_,) in partitions:
        base = id_ * PLACES_PER_PARTITION
        dropped = connection.execute(
            "DELETE FROM records WHERE place IN (SELECT place FROM"
            " (SELECT place, row_number() OVER (PARTITION BY key ORDER BY place DESC) AS age FROM records"
            " WHERE place >= ? AND place < ?) WHERE age > 1 LIMIT ?)",
            (base, base + PLACES_PER_PARTITION, DROPPED_PER_TRANSACTION),
        ).rowcount
        if dropped:
            return dropped
    return 0
