"""The three things a service may ask of the world: a log, a store, a clock.

Every adapter passes the same suite in tests/ports. Nothing outside polyvox/adapters
and the ``__main__`` modules knows which adapter it was given.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """How a topic is created. ``retention_s`` None keeps records for ever.

    ``compacted``: the newest record of each key is kept for ever, older ones may go at any time.
    """

    name: str
    partitions: int
    retention_s: float | None = None
    compacted: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it was read from the log."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Headers
    timestamp_ms: int

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to append. Records of one key keep their order."""

    topic: str
    key: str
    value: bytes
    headers: Headers = ()


class RebalanceListener(Protocol):
    """Told when a consumer's partitions change. Both calls are awaited by the consumer."""

    async def on_revoked(self, revoked: frozenset[TopicPartition]) -> None:
        """Called before these, perhaps not all, go to another member; commits still work here."""

    async def on_assigned(self, assigned: frozenset[TopicPartition]) -> None:
        """Called with the whole new assignment before any record of it is returned."""


class Consumer(Protocol):
    """One member of a consumer group.

    ``getmany`` is never cancelled by callers: stop the consumer instead, which makes a
    parked ``getmany`` return. Pauses are lost at each assignment, as in Kafka.
    """

    async def getmany(self, *, timeout_ms: int, max_records: int | None = None) -> dict[TopicPartition, list[Record]]:
        """Wait up to ``timeout_ms`` for records of unpaused partitions; {} when none came."""

    def assignment(self) -> frozenset[TopicPartition]: ...

    def pause(self, *partitions: TopicPartition) -> None: ...

    def resume(self, *partitions: TopicPartition) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """The next ``getmany`` reads ``partition`` from ``offset``."""

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store the next offset to read per partition. Raises Fenced when no longer the owner."""

    async def committed(self, partition: TopicPartition) -> int | None: ...

    async def stop(self) -> None:
        """Leave the group. A second call does nothing."""


class EventLog(Protocol):
    """Topics with partitions and keys, consumer groups with committed offsets."""

    async def ensure_topics(self, topics: Sequence[TopicConfig]) -> None:
        """Create what is missing; leave what exists."""

    async def append(self, messages: Sequence[Message]) -> list[TopicPartition]:
        """Append all; returns when they are durable. Raises Transient when they may not be."""

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        listener: RebalanceListener | None = None,
        session_timeout_s: float = 45.0,
    ) -> Consumer:
        """Join ``group`` as ``member`` (static: the same name takes over from a dead namesake)."""

    async def read(self, partition: TopicPartition, *, offset: int, max_records: int = 100) -> list[Record]:
        """Read without a group, from ``offset`` on; [] at the end."""

    async def bounds(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        """First kept offset and next offset to be written, per partition."""

    async def offsets_at(self, topic: str, timestamp_ms: int) -> dict[TopicPartition, int]:
        """Per partition the first offset whose time is not before ``timestamp_ms``."""

    async def lag(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Records not yet committed by ``group``, per partition."""

    async def enforce_retention(self) -> int:
        """Drop what is older than its topic keeps; returns how many records (0 where the broker does it)."""

    async def close(self) -> None: ...


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


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message of a queue. ``receipt`` is good for this delivery only."""

    id: str
    body: str
    receipt: str


class MessageQueue(Protocol):
    """A queue that others fill; a message that is not deleted comes again after a while."""

    async def receive(self) -> list[QueuedMessage]:
        """Some messages, [] when none came for a few seconds. Raises Transient."""

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        """They need not come again, though some may. Raises Transient."""

    async def extend(self, messages: Sequence[QueuedMessage], seconds: int) -> None:
        """They shall not come again for so long from now. Raises Transient."""

    async def close(self) -> None: ...


@runtime_checkable
class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> datetime:
        """Wall time, timezone-aware, UTC."""

    def monotonic_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...
