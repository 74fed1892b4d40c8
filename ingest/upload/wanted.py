"""What an upload asks for: its options, and the lane that it waits in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ingest.upload import refusals
from ingest.upload.options import NOTHING_FIXED, Known, read_options
from polyvox.contracts import Lane, Options

LANE = "lane"
INTERACTIVE: tuple[Lane, ...] = ("interactive",)
"""The lanes of whoever waits for the answer."""


class Wanted(NamedTuple):
    """The lane is no option: it changes when a recording is worked on, not what becomes of it."""

    options: Options = Options()
    lane: Lane = "interactive"


def read_wanted(fields: Sequence[tuple[str, str]], known: Known, fixed: Mapping[str, Any] = NOTHING_FIXED) -> Wanted:
    """As ``read_options``. Raises Problem: 400, as that does."""
    options = read_options([(name, value) for name, value in fields if name != LANE], known, fixed)
    return Wanted(options, lane_in(fields) or "interactive")


def lane_in(fields: Sequence[tuple[str, str]]) -> Lane | None:
    """The lane that is named; None when none is. Raises Problem: 400, there is no such lane, or it is named twice."""
    named = [value.strip() for name, value in fields if name == LANE and value.strip()]
    if len(named) > 1:
        raise refusals.bad_option("The field lane is given twice. Give it once.")
    match named:
        case []:
            return None
        case ["bulk"]:
            return "bulk"
        case ["interactive"]:
            return "interactive"
    raise refusals.bad_option(f"There is no lane {named[0]!r}. Use interactive, which comes first, or bulk.")
