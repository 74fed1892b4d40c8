"""Points in time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_AGO = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime) -> datetime:
    """``2026-03-01``, ``2026-03-01T12:00Z`` (local time without a zone), or how long ago: ``30m``, ``2h``, ``3d``.

    Raises:
        ValueError: it is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError as error:
            raise ValueError(str(error)) from error
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.astimezone()


class _Moment(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(value, datetime.now(UTC))
        except ValueError:
            self.fail(f"{value!r} is no time: use 2026-03-01, 2026-03-01T12:00Z, or how long ago: 30m, 2h, 3d")


MOMENT = _Moment()
