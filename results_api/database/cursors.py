"""Cursors of lists by time: the time and the id of the last of a page. Pure."""

from __future__ import annotations

from datetime import datetime

from polyvox.cursors import checked
from results_api.database.rows import to_us

CURSOR = r"^[0-9]{1,16}\.[A-Za-z0-9._-]{1,64}$"


def cursor_of(time: datetime, id: str) -> str:
    return f"{to_us(time)}.{id}"


def read_cursor(cursor: str) -> tuple[int, str]:
    """Microseconds since 1970, and the id. Raises Invalid for a cursor that is none."""
    time_us, _, id = checked(cursor, CURSOR).partition(".")
    return int(time_us), id
