"""What a worker holds of each partition, and the commits that follow from it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from polyvox.contracts import Lane
from polyvox.errors import Fenced
from polyvox.metrics import COMMIT_STANDSTILL, HELD_BYTES, HELD_MESSAGES, PARTITIONS_ASSIGNED, Metrics
from polyvox.ports import Consumer, TopicPartition
from polyvox.worker.share import lane_of
from polyvox.worker.watermark import Finished, Watermark
from polyvox.worker.window import Bounds, Window

MEASURE_EVERY_S = 0.5
"""With every batch of a record or two, measuring took a twelfth of a worker's time."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Holding:
    """One partition for as long as it is owned; a partition that comes back gets a new one."""

    partition: TopicPartition
    bounds: Bounds
    watermark: Watermark = field(default_factory=Watermark)
    before: Finished | None = None
    """What this process finished of it when it was owned before."""
    committed: int | None = None
    """What the log is known to have stored; until the first commit, where reading began."""
    closing: bool = False
    """Its partition is being given back: work in flight may finish, nothing starts."""
    fenced: bool = False
    paused: bool = False
    stands: tuple[int, float] | None = None
    """The oldest unfinished message when this was last looked at, and since when it is the oldest, monotonic."""

    @property
    def lane(self) -> Lane:
        return lane_of(self.partition.topic)

    def take(self, offset: int, size_bytes: int = 0) -> bool:
        """Take a message on; False when it was finished before and needs no handling."""
        if self.committed is None:
            self.committed = offset
            if self.before is not None and offset < self.before.start:
                # Read from before what was committed: these may be other messages under the same offsets.
                self.before = None
        if self.before is not None and offset in self.before:
            self.watermark.skip(offset)
            return False
        self.watermark.take(offset, size_bytes)
        return True

    def finish(self, offset: int) -> None:
        self.watermark.finish(offset)

    def standstill_s(self, now_s: float) -> float:
        """How long one message has kept the partition from moving on, as far as calls of this have seen."""
        oldest = self.watermark.committable if len(self.watermark) else None
        if oldest is None:
            self.stands = None
        elif self.stands is None or self.stands[0] != oldest:
            self.stands = (oldest, now_s)
        return now_s - self.stands[1] if self.stands else 0.0

    @property
    def full(self) -> bool:
        mark = self.watermark
        return self.bounds.full(len(mark), mark.size_bytes, mark.span)

    @property
    def has_room(self) -> bool:
        mark = self.watermark
        return self.bounds.room(len(mark), mark.size_bytes, mark.span)

    @property
    def due(self) -> int | None:
        """The offset to commit; None when the log has it."""
        offset = self.watermark.committable
        return None if self.fenced or offset == self.committed else offset

    @property
    def finished(self) -> Finished | None:
        """What is finished behind what is not, from this time and the time before."""
        now, before = self.watermark.finished(), self.before
        if before is None or (self.watermark.end or 0) >= before.end:
            return now
        if self.watermark.end is None:
            return before
        # Not all that was finished before has been read again.
        start = self.watermark.committable
        assert start is not None
        left = {offset for offset in before.unfinished if offset >= self.watermark.end}
        return Finished(start, before.end, frozenset({*self.watermark.unfinished, *left}))


class Holdings:
    """The holdings of the current assignment.

    What was finished out of order is remembered when a partition goes, for it often comes back: every
    rebalance of Kafka takes and gives all of them.
    """

    def __init__(self, window: Window | None = None) -> None:
        self._window = window or Window()
        self._holdings: dict[TopicPartition, Holding] = {}
        self._finished: dict[TopicPartition, Finished] = {}
        self._measured_s = float("-inf")
        # Two commits at once could store the older offset last.
        self._committing = asyncio.Lock()

    def __iter__(self) -> Iterator[Holding]:
        return iter(list(self._holdings.values()))

    def get(self, partition: TopicPartition) -> Holding | None:
        return self._holdings.get(partition)

    def assign(self, partitions: Iterable[TopicPartition]) -> list[Holding]:
        """Make the holdings match an assignment; returns those that were lost without a call."""
        wanted = set(partitions)
        lost = [holding for holding in self if holding.partition not in wanted or holding.fenced]
        for holding in lost:
            self.fence(holding)
        lanes = Counter(lane_of(partition.topic) for partition in wanted)
        for partition in wanted:
            bounds = self._window.of_one(lanes[lane_of(partition.topic)])
            if (kept := self._holdings.get(partition)) is not None:
                kept.bounds = bounds
            else:
                self._holdings[partition] = Holding(partition, bounds, before=self._finished.pop(partition, None))
        return lost

    def fence(self, holding: Holding) -> None:
        """Nothing of it is committed from now on."""
        holding.fenced = True
        if self._holdings.get(holding.partition) is holding:
            del self._holdings[holding.partition]
            if (finished := holding.finished) is not None:
                self._finished[holding.partition] = finished

    def measure(self, metrics: Metrics, worker: str, now_s: float, *, seldom: bool = False) -> None:
        """Say how much is held of each lane, and whether it moves on; ``seldom``: not more often than makes sense."""
        if seldom and now_s < self._measured_s + MEASURE_EVERY_S:
            return
        self._measured_s = now_s
        held = {"interactive": [0, 0, 0], "bulk": [0, 0, 0]}
        longest_s = 0.0
        for holding in self._holdings.values():
            held[holding.lane][0] += 1
            held[holding.lane][1] += len(holding.watermark)
            held[holding.lane][2] += holding.watermark.size_bytes
            longest_s = max(longest_s, holding.standstill_s(now_s))
        for lane, (partitions, messages, size_bytes) in held.items():
            metrics.set(PARTITIONS_ASSIGNED, partitions, worker=worker, lane=lane)
            metrics.set(HELD_MESSAGES, messages, worker=worker, lane=lane)
            metrics.set(HELD_BYTES, size_bytes, worker=worker, lane=lane)
        metrics.set(COMMIT_STANDSTILL, longest_s, worker=worker)

    async def commit(self, consumer: Consumer, holdings: Iterable[Holding] | None = None) -> list[Holding]:
        """Commit what is due; returns the holdings that turned out to belong to somebody else.

        Raises:
            Transient: the log did not take it; it is still due.
        """
        async with self._committing:
            due = {one: offset for one in (self if holdings is None else holdings) if (offset := one.due) is not None}
            if not due:
                return []
            try:
                await _store(consumer, due)
            except Fenced:
                # The log refuses all for one: find out which.
                return [one for one, offset in due.items() if await self._refused(consumer, one, offset)]
            return []

    async def _refused(self, consumer: Consumer, holding: Holding, offset: int) -> bool:
        try:
            await _store(consumer, {holding: offset})
        except Fenced as error:
            logger.info("%s/%d is not committed: %s", *holding.partition, error)
            self.fence(holding)
            return True
        return False


async def _store(consumer: Consumer, offsets: Mapping[Holding, int]) -> None:
    await consumer.commit({holding.partition: offset for holding, offset in offsets.items()})
    for holding, offset in offsets.items():
        holding.committed = offset
