"""Reads what people corrected from the object store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError

from polyvox import keys
from polyvox.contracts import Correction
from polyvox.errors import NotFound
from polyvox.ports import ObjectStore
from results_api.view.view import RecordingView

AT_ONCE = 8


class Loaded(NamedTuple):
    """In the order in which they count; ``lost`` are ids of those that are stored no longer."""

    corrections: list[Correction]
    lost: list[str]


async def in_force(store: ObjectStore, view: RecordingView) -> Loaded:
    """All that nobody took back. Raises Unavailable when the store is in trouble."""
    wanted = [told.correction for told in view.corrections_in_force]
    found = await load(store, view, wanted)
    return Loaded([found[one] for one in wanted if one in found], [one for one in wanted if one not in found])


async def load(store: ObjectStore, view: RecordingView, wanted: Iterable[str]) -> dict[str, Correction]:
    """By id; those that are gone or damaged are left out. Raises Unavailable when the store is in trouble."""
    bodies: dict[str, bytes | None] = {}
    rest = iter(wanted)
    while some := list(itertools.islice(rest, AT_ONCE)):
        bodies |= zip(some, await asyncio.gather(*(_get(store, _key(view, one)) for one in some)), strict=True)
    return await asyncio.to_thread(_parse, bodies) if bodies else {}


def _key(view: RecordingView, correction: str) -> str:
    told = view.corrections.get(correction)
    return (told and told.data.correction_key) or keys.correction(view.media_id, correction)


async def _get(store: ObjectStore, key: str) -> bytes | None:
    try:
        return await store.get(key)
    except NotFound:
        return None


def _parse(bodies: dict[str, bytes | None]) -> dict[str, Correction]:
    found: dict[str, Correction] = {}
    for name, body in bodies.items():
        try:
            if body is not None:
                found[name] = Correction.model_validate_json(body)
        except ValidationError:
            continue
    return found
