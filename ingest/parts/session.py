"""What is known of an upload that comes in several requests, and how it is cut into parts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Literal

from pydantic import BaseModel, ConfigDict

from polyvox import keys
from polyvox.contracts import Lane, Options
from polyvox.ports import PARTS_MAX, PartInfo

MIB = 1 << 20
PART_BYTES = 8 * MIB
"""Larger only where ``PARTS_MAX`` of these do not hold the recording."""


Protocol = Literal["parts", "tus"]


class Session(BaseModel):
    """``upload_id`` is the media id of the recording that will be.

    ``size_bytes`` None: not known yet. ``completed_at`` None: not completed yet.
    """

    model_config = ConfigDict(frozen=True)

    upload_id: str
    store_upload: str
    """The name of the upload in the object store."""
    protocol: Protocol = "parts"
    tenant: str
    lane: Lane
    filename: str | None
    options: Options
    size_bytes: int | None
    part_bytes: int
    begun_at: datetime
    expires_at: datetime
    completed_at: datetime | None = None
    idempotency_record: str | None = None
    tus_metadata: str | None = None
    """As it was sent, to be given back."""
    original: str | None = None
    """The key that the recording has or will have; None where the session was begun before tenants had prefixes."""

    @property
    def original_key(self) -> str:
        return self.original or keys.original(self.upload_id)

    @property
    def part_count(self) -> int | None:
        """None where the size is not known yet."""
        return None if self.size_bytes is None else ceil(self.size_bytes / self.part_bytes)

    def part_size(self, number: int) -> int:
        """Bytes of part ``number``, from 1; all but the last have ``part_bytes``."""
        if self.size_bytes is None:
            return self.part_bytes
        return max(0, min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes))

    def part_numbers(self) -> range:
        return range(1, (PARTS_MAX if self.part_count is None else self.part_count) + 1)

    def is_expired(self, now: datetime) -> bool:
        return self.completed_at is None and now >= self.expires_at


def part_bytes_for(size_bytes: int) -> int:
    """How large the parts of a recording of at most that many bytes are: whole mebibytes."""
    return max(PART_BYTES, ceil(size_bytes / PARTS_MAX / MIB) * MIB)


def same_request(one: Session, other: Session) -> bool:
    """Whether both were begun by the same request, sent twice."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("protocol", "tenant", "lane", "filename", "options", "size_bytes")
    )


def leading_parts(session: Session, parts: Sequence[PartInfo]) -> list[PartInfo]:
    """The parts from the first on without a gap, each as large as it should be."""
    by_number = {part.number: part for part in parts}
    found: list[PartInfo] = []
    for number in session.part_numbers():
        part = by_number.get(number)
        if part is None or part.size_bytes != session.part_size(number):
            break
        found.append(part)
    return found
