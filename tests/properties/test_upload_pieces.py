"""How far an upload is: whatever pieces lie there, in whatever order requests wrote them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ingest.parts.session import MIB, Session, leading_parts, part_bytes_for
from ingest.tus.reached import Piece, chain
from polyvox.contracts import Options
from polyvox.ports import PART_MIN_BYTES, PARTS_MAX, PartInfo

pieces = st.lists(st.builds(lambda start, size: Piece(start, start + size), st.integers(0, 40), st.integers(1, 15)))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def session(size_bytes: int) -> Session:
    return Session(
        upload_id="u",
        store_upload="s",
        tenant="default",
        lane="bulk",
        filename=None,
        options=Options(),
        size_bytes=size_bytes,
        part_bytes=part_bytes_for(size_bytes),
        begun_at=NOW,
        expires_at=NOW,
    )


@given(pieces, st.integers(0, 20))
def test_pieces_reach_as_far_as_their_bytes_have_no_gap(found: list[Piece], start: int) -> None:
    held = {at for piece in found for at in range(piece.start, piece.end)}
    end = start
    while end in held:
        end += 1
    chosen = chain(start, found)
    assert (chosen[-1].end if chosen else start) == end
    read, at = [], start
    for piece in chosen:
        assert piece.start <= at < piece.end
        read += range(at, piece.end)
        at = piece.end
    assert read == list(range(start, end))


@given(pieces, pieces)
def test_more_pieces_never_reach_less_far(some: list[Piece], more: list[Piece]) -> None:
    def reach(found: list[Piece]) -> int:
        chosen = chain(0, found)
        return chosen[-1].end if chosen else 0

    assert reach(some + more) >= reach(some)


@given(st.integers(1, 6 * 1024**4 // 64))
def test_parts_hold_the_recording_exactly_and_are_as_the_store_wants_them(size_bytes: int) -> None:
    upload = session(size_bytes)
    count = upload.part_count
    assert count is not None
    assert 1 <= count <= PARTS_MAX
    assert upload.part_bytes >= PART_MIN_BYTES
    assert upload.part_bytes % MIB == 0
    assert (count - 1) * upload.part_bytes + upload.part_size(count) == size_bytes
    assert 1 <= upload.part_size(count) <= upload.part_bytes


@given(st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)))
def test_parts_count_up_to_the_first_that_is_missing_or_has_another_size(there: set[int], short: set[int]) -> None:
    upload = session(5 * 8 * MIB + 1)
    stored = [PartInfo(n, "e", upload.part_size(n) - (1 if n in short else 0)) for n in there]
    expected = []
    for number in range(1, 7):
        if number not in there or number in short:
            break
        expected.append(number)
    assert [part.number for part in leading_parts(upload, stored)] == expected
