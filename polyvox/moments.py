"""Times that somebody writes: never numbers, in UTC where they say no zone. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written(value: object) -> object:
    # A number would be read as seconds, or as milliseconds where it is large.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _WRITTEN.match(value)):
        raise ValueError("write a time as 2026-03-01T00:00:00Z")
    return value


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


WRITTEN = BeforeValidator(_written)
"""No time is a number."""
Moment = Annotated[datetime, WRITTEN, AfterValidator(_in_utc)]
"""A time (RFC 3339); one without a zone is taken as UTC."""
ZonedMoment = Annotated[AwareDatetime, WRITTEN]
"""A time (RFC 3339) that says its zone."""
