"""Kinds of parameters that several routes take, each as strict as the OpenAPI document says it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, WithJsonSchema

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


def text_like(pattern: str, *, min_length: int = 1, max_length: int | None = None) -> WithJsonSchema:
    """What the document says of a text that its route refuses itself, with better words than a pattern's."""
    bounds = {"minLength": min_length} | ({} if max_length is None else {"maxLength": max_length})
    return WithJsonSchema({"type": "string", "pattern": pattern, **bounds})


IdempotencyKey = Annotated[str, text_like("^[!-~]([ -~]*[!-~])?$", max_length=255)]
"""1 to 255 printable characters of ASCII. HTTP takes spaces around them away."""
