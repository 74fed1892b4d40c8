"""Which bytes a request wants (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range lies outside of the object."""


def byte_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of the one range asked for; None: send the whole.

    What is no range in bytes, and several ranges at once, may be ignored, and is.

    Raises:
        Unsatisfiable: the range begins behind the end.
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size_bytes)
        start, end = size_bytes - length, size_bytes
    else:
        start, end = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < int(first):
            return None
    if start >= size_bytes or start >= end:
        raise Unsatisfiable
    return start, end
