"""A log: topics with partitions and keys, consumer groups with committed offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

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
