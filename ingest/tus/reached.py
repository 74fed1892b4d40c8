"""How far an upload is: parts from the first on, then pieces from there on. It follows from what is stored alone.

A piece is named by the bytes it holds. One that ends before the parts do is a leftover of bytes that have become
a part since, and does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.parts.session import Session, leading_parts
from polyvox import keys
from polyvox.errors import NotFound
from polyvox.ports import ObjectStore


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """Bytes ``start`` up to, not including, ``end`` of the recording."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reached:
    """``part_count`` parts are stored, then ``pieces`` without a gap; ``stale`` ones can go."""

    part_count: int
    parts_end: int
    pieces: tuple[Piece, ...] = ()
    stale: tuple[Piece, ...] = ()
    joined: bool = False
    """The parts have become the recording already."""

    @property
    def offset(self) -> int:
        return self.pieces[-1].end if self.pieces else self.parts_end


async def reached(store: ObjectStore, session: Session) -> Reached:
    """How far ``session``, which is open, is. Raises Transient."""
    original = session.original_key
    try:
        parts = leading_parts(session, await store.parts(original, session.store_upload))
    except NotFound:
        size_bytes = session.size_bytes or 0
        return Reached(len(session.part_numbers()) if session.size_bytes else 0, size_bytes, joined=True)
    end = sum(part.size_bytes for part in parts)
    found = [_piece(info.key) async for info in store.list(keys.upload_tails(session.upload_id))]
    pieces = chain(end, found)
    return Reached(len(parts), end, tuple(pieces), tuple(set(found).difference(pieces)))


def chain(start: int, pieces: Iterable[Piece]) -> Sequence[Piece]:
    """Those of ``pieces`` that together hold the bytes from ``start`` on, as far as they go. Pure.

    Pieces may overlap: two requests at the same time wrote the same bytes. More pieces never reach less far.
    """
    waiting = sorted(pieces)
    found: list[Piece] = []
    while True:
        following = [piece for piece in waiting if piece.start <= start < piece.end]
        if not following:
            return found
        best = max(following, key=lambda piece: (piece.end, -piece.start))
        found.append(best)
        start = best.end


def _piece(key: str) -> Piece:
    start, _, end = key.rpartition("/")[2].partition("-")
    return Piece(int(start), int(end))
