"""What a worker holds of each partition, and the commits that follow from it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from polyvox.errors import Fenced
from polyvox.ports import Consumer, TopicPartition
from polyvox.worker.watermark import Watermark

logger = logging.getLogger(__name__)

UNFINISHED_MAX = 32
"""Messages of one partition in hand at which it is paused."""
SPAN_MAX = 256
"""Distance from the oldest unfinished message to the newest at which it is paused: what a crash repeats at most."""


@dataclass(slots=True, eq=False)
class Lane:
    """One partition for as long as it is owned; a partition that comes back gets a new one."""

    partition: TopicPartition
    watermark: Watermark = field(default_factory=Watermark)
    committed: int | None = None
    """What the log is known to have stored; until the first commit, where reading began."""
    closing: bool = False
    """Its partition is being given back: work in flight may finish, nothing starts."""
    fenced: bool = False
    paused: bool = False

    def take(self, offset: int) -> None:
        self.watermark = self.watermark.taken(offset)
        if self.committed is None:
            self.committed = offset

    def finish(self, offset: int) -> None:
        self.watermark = self.watermark.finished(offset)

    @property
    def full(self) -> bool:
        return len(self.watermark.unfinished) >= UNFINISHED_MAX or self._span >= SPAN_MAX

    @property
    def has_room(self) -> bool:
        """Well below full, so that a partition is not paused and resumed for every message."""
        return len(self.watermark.unfinished) <= UNFINISHED_MAX // 2 and self._span <= SPAN_MAX // 2

    @property
    def due(self) -> int | None:
        """The offset to commit; None when the log has it."""
        offset = self.watermark.committable
        return None if self.fenced or offset == self.committed else offset

    @property
    def _span(self) -> int:
        if self.watermark.end is None or self.watermark.committable is None:
            return 0
        return self.watermark.end - self.watermark.committable


class Lanes:
    """The lanes of the current assignment."""

    def __init__(self) -> None:
        self._lanes: dict[TopicPartition, Lane] = {}
        # Two commits at once could store the older offset last.
        self._committing = asyncio.Lock()

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def get(self, partition: TopicPartition) -> Lane | None:
        return self._lanes.get(partition)

    def assign(self, partitions: Iterable[TopicPartition]) -> list[Lane]:
        """Make the lanes match an assignment; returns those that were lost without a call."""
        wanted = set(partitions)
        lost = [lane for lane in self if lane.partition not in wanted or lane.fenced]
        for lane in lost:
            self.fence(lane)
        for partition in wanted:
            self._lanes.setdefault(partition, Lane(partition))
        return lost

    def fence(self, lane: Lane) -> None:
        """Nothing of ``lane`` is committed from now on."""
        lane.fenced = True
        if self._lanes.get(lane.partition) is lane:
            del self._lanes[lane.partition]

    async def commit(self, consumer: Consumer, lanes: Iterable[Lane] | None = None) -> list[Lane]:
        """Commit what is due; returns the lanes that turned out to belong to somebody else.

        Raises:
            Transient: the log did not take it; it is still due.
        """
        async with self._committing:
            due = {lane: offset for lane in (self if lanes is None else lanes) if (offset := lane.due) is not None}
            if not due:
                return []
            try:
                await _store(consumer, due)
            except Fenced:
                # The log refuses all for one: find out which.
                return [lane for lane, offset in due.items() if await self._refused(consumer, lane, offset)]
            return []

    async def _refused(self, consumer: Consumer, lane: Lane, offset: int) -> bool:
        try:
            await _store(consumer, {lane: offset})
        except Fenced as error:
            logger.info("%s/%d is not committed: %s", *lane.partition, error)
            self.fence(lane)
            return True
        return False


async def _store(consumer: Consumer, offsets: Mapping[Lane, int]) -> None:
    await consumer.commit({lane.partition: offset for lane, offset in offsets.items()})
    for lane, offset in offsets.items():
        lane.committed = offset
