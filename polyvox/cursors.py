"""Cursors of lists, as they come back from clients. Pure."""

from __future__ import annotations

import re

from polyvox.errors import Invalid


def checked(cursor: str, pattern: str) -> str:
    """``cursor``, if it looks like one of the list's own. Raises Invalid: it does not."""
    if not re.fullmatch(pattern, cursor):
        raise Invalid(
            "This cursor is none of ours: take next_cursor from the page before, as it is.", code="bad-cursor"
        )
    return cursor
