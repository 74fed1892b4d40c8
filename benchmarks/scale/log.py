"""A topic with partitions in simulated time: appended to, read from an offset on, committed, away for a while."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polyvox.adapters.embedded_log.partitioner import partition_of
from polyvox.ports import TopicPartition
from polyvox.retry import Tally
from polyvox.worker.holdings import Holding
from polyvox.worker.share import Share

if TYPE_CHECKING:
    from benchmarks.scale.recordings import Recording


@dataclass(slots=True, eq=False)
class Message:
    """A claim check, as a worker holds it. ``done``: its outputs are in the store and announced."""

    key: str
    share: Share
    size_bytes: int
    recording: Recording
    audio_s: float
    came_s: float
    offset: int = -1
    holding: Holding | None = None
    tally: Tally = field(default_factory=Tally)
    began: bool = False
    stored: bool = False
    done: bool = False


@dataclass(slots=True, eq=False)
class Partition:
    """``kept`` begins at the committed offset: what lies before is never read again."""

    place: TopicPartition
    committed: int = 0
    kept: deque[Message] = field(default_factory=deque)
    on_append: Callable[[Partition], None] | None = None

    @property
    def end(self) -> int:
        return self.committed + len(self.kept)

    def append(self, message: Message) -> None:
        message.offset = self.end
        self.kept.append(message)
        if self.on_append is not None:
            self.on_append(self)

    def at(self, offset: int) -> Message:
        return self.kept[offset - self.committed]

    def commit(self, offset: int) -> None:
        for _ in range(offset - self.committed):
            self.kept.popleft()
        self.committed = offset


class Topic:
    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.partitions = [Partition(TopicPartition(name, number)) for number in range(partitions)]
        self.appended = 0

    def append(self, message: Message) -> None:
        self.appended += 1
        self.partitions[partition_of(message.key, len(self.partitions))].append(message)
