"""A store: named byte strings, whole or in parts."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """``content_type``, ``metadata`` (names in lower case) and ``version`` are complete in what ``head`` gives;
    a listing may lack them. ``version`` None: the bucket keeps no versions."""

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One part of an upload in parts. ``number`` counts from 1; ``etag`` says what its bytes are."""

    number: int
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class OpenParts:
    """An upload in parts that was begun and neither joined nor dropped."""

    key: str
    upload: str
    begun_at: datetime


Body = bytes | AsyncIterable[bytes]

PART_MIN_BYTES = 5 * 1024 * 1024
"""All parts but the last are at least this large."""
PARTS_MAX = 10_000


class ObjectStore(Protocol):
    """Named byte strings. A put is seen whole or not at all.

    Every store takes keys of 1 to 1,024 bytes in UTF-8 whose parts between slashes have 1 to 255
    bytes, are neither ``.`` nor ``..``, and hold neither control characters nor backslashes; other
    keys it keeps as they are or refuses as Invalid. Where ``a`` is stored, a listing may lack what lies under ``a/``.
    """

    async def put(
        self,
        key: str,
        body: Body,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_absent: bool = False,
    ) -> ObjectInfo:
        """Store ``body``; streams of any size use constant memory.

        If ``body`` raises, nothing is stored and the error passes through.
        Raises AlreadyExists with ``if_absent`` when the key is taken, Transient when the
        store is in trouble.
        """

    async def get(self, key: str) -> bytes:
        """The whole object. Raises NotFound."""

    def stream(
        self, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = 1 << 20
    ) -> AsyncIterator[bytes]:
        """Bytes ``start`` up to, not including, ``end``. Raises NotFound at the first step."""

    async def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        """What is stored now, or that ``version`` of it, as in ``local_file``. Raises NotFound."""

    def list(self, prefix: str, *, start_after: str = "") -> AsyncIterator[ObjectInfo]:
        """Objects whose key starts with ``prefix``, in key order (UTF-8 bytes)."""

    async def delete(self, key: str) -> None:
        """Remove one object; removing what is not there is no error."""

    def local_file(self, key: str, *, version: str | None = None) -> AbstractAsyncContextManager[Path]:
        """A seekable read-only file with the object's bytes, for as long as the context lasts.

        Adapters on a local disk give the file itself, others a scratch copy. ``version`` is the
        version or else the ETag that the object must have. Raises NotFound, also when the object
        was replaced by another version and this one is not kept.
        """

    async def begin_parts(
        self,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Begin an object that arrives in parts, in any order, over any time; returns the upload's id."""

    async def put_part(self, key: str, upload: str, number: int, body: Body) -> PartInfo:
        """Store one part, 1 to ``PARTS_MAX``; a part of the same number is replaced.

        Raises NotFound when there is no such upload (any more).
        """

    async def parts(self, key: str, upload: str) -> Sequence[PartInfo]:
        """What is there of an upload, by number. Raises NotFound."""

    async def join_parts(
        self, key: str, upload: str, parts: Sequence[PartInfo], *, if_absent: bool = False
    ) -> ObjectInfo:
        """Make the object of these parts, in order of their numbers; from here on it is seen.

        Some stores look and join in two steps: of two joins with ``if_absent`` at the very same moment
        both may win there. Joins of one upload are none of these.

        Raises:
            NotFound: there is no such upload (any more); some stores repeat what they said of a join instead.
            Invalid: a part is missing, differs from what is stored, or is too small.
            AlreadyExists: with ``if_absent``, when the key is taken.
        """

    async def drop_parts(self, key: str, upload: str) -> None:
        """Forget an upload and its parts; forgetting what is not there is no error."""

    def open_parts(self, prefix: str) -> AsyncIterator[OpenParts]:
        """Uploads in parts whose key starts with ``prefix`` and that are still open."""

    async def part_url(self, key: str, upload: str, number: int, *, expires_s: int) -> str | None:
        """A URL to which anybody may PUT that part until it expires; None where bytes go through the API."""

    async def get_url(self, key: str, *, expires_s: int, filename: str | None = None) -> str | None:
        """A URL from which anybody may GET the object until it expires; None where bytes go through the API."""

    async def tags(self, key: str, *, version: str | None = None) -> Mapping[str, str]:
        """The object's tags; {} where the store has none. Raises NotFound."""

    async def close(self) -> None: ...
