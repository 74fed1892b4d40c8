"""Whether all parts of an upload are there as they should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.parts import refusals
from ingest.parts.session import Session
from polyvox.ports import PartInfo


def checked_parts(session: Session, parts: Sequence[PartInfo], etags: Mapping[int, str]) -> list[PartInfo]:
    """The parts to join.

    Args:
        session: its size is known.
        parts: what is stored.
        etags: what the uploader believes is stored, by number; those left out are not compared.

    Raises:
        Problem: 409, parts are missing or differ from what was announced or meant.
    """
    by_number = {part.number: part for part in parts}
    wanted = session.part_numbers()
    missing = [number for number in wanted if number not in by_number]
    if missing:
        raise refusals.parts_missing(missing)
    surplus = sorted({*by_number, *etags}.difference(wanted))
    if surplus:
        raise refusals.parts_surplus(surplus, len(wanted))
    wrong_size = [number for number in wanted if by_number[number].size_bytes != session.part_size(number)]
    if wrong_size:
        raise refusals.parts_of_wrong_size(wrong_size, session.part_bytes)
    differing = [number for number, etag in etags.items() if plain(etag) != plain(by_number[number].etag)]
    if differing:
        raise refusals.parts_differ(differing)
    return [by_number[number] for number in wanted]


def plain(etag: str) -> str:
    """Without the quotes that HTTP puts around it."""
    return etag.removeprefix("W/").strip('"')
