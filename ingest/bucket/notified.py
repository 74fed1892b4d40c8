"""Reads bucket notifications from the log, wherever they came from, and has their objects taken.

Offsets are committed when all before them is settled: on the log, held back in the bucket, or nobody's
concern. A message that is no notification is counted and passed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.bucket.intake import Intake
from ingest.bucket.notices import read_notices
from polyvox.errors import Fatal, Fenced, Invalid, Transient
from polyvox.metrics import BUCKET_NOTIFICATIONS, Metrics
from polyvox.ports import Clock, Consumer, EventLog, Record, TopicPartition

log = logging.getLogger(__name__)

GROUP = "bucket-watcher"
UNSETTLED_MAX = 4000
"""Messages in hand at which reading pauses: those that wait for sidecars are among them."""
POLL_MS = 500
READ_MAX = 1000
COMMIT_EVERY_S = 1.0


@dataclass(slots=True, eq=False)
class _Message:
    offset: int
    is_settled: bool = False


@dataclass(slots=True, eq=False)
class _Partition:
    """Messages in hand, oldest first."""

    messages: deque[_Message] = field(default_factory=deque)
    next_offset: int | None = None
    committed: int | None = None

    def take(self, offset: int) -> _Message:
        self.messages.append(_Message(offset))
        return self.messages[-1]

    def due(self) -> int | None:
        while self.messages and self.messages[0].is_settled:
            self.next_offset = self.messages.popleft().offset + 1
        return None if self.next_offset == self.committed else self.next_offset


class Notified:
    """A member of the group of watchers. Use :meth:`run` once."""

    def __init__(self, event_log: EventLog, intake: Intake, clock: Clock, metrics: Metrics) -> None:
        self._log = event_log
        self._intake = intake
        self._clock = clock
        self._metrics = metrics
        self._consumer: Consumer | None = None
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False

    async def run(
        self,
        topics: Sequence[str],
        *,
        member: str,
        session_timeout_s: float,
        drain_timeout_s: float,
        stopping: asyncio.Event,
    ) -> None:
        """Read until ``stopping`` is set, then finish what is in hand, for a while.

        Raises:
            Fatal: another process works as this member.
        """
        self._consumer = await self._subscribed(topics, member, session_timeout_s, stopping)
        if self._consumer is None:
            return
        commits = asyncio.create_task(self._keep_committing(self._consumer))
        try:
            while not stopping.is_set():
                await self._read(self._consumer)
            if self._tasks:
                await asyncio.wait(list(self._tasks), timeout=drain_timeout_s)
            await self._commit(self._consumer)
        finally:
            commits.cancel()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(commits, *self._tasks, return_exceptions=True)
            await self._consumer.stop()

    async def on_assigned(self, assigned: frozenset[TopicPartition]) -> None:
        """RebalanceListener."""
        self._partitions = {each: self._partitions.get(each) or _Partition() for each in assigned}
        self._paused = False

    async def on_revoked(self, revoked: frozenset[TopicPartition]) -> None:
        """RebalanceListener. What is in hand goes on; if another is told of it too, it is a repeat there."""
        if self._consumer is not None:
            await self._commit(self._consumer)
        for partition in revoked:
            self._partitions.pop(partition, None)

    async def _subscribed(
        self, topics: Sequence[str], member: str, session_timeout_s: float, stopping: asyncio.Event
    ) -> Consumer | None:
        while not stopping.is_set():
            try:
                return await self._log.subscribe(
                    GROUP, topics, member=member, listener=self, session_timeout_s=session_timeout_s
                )
            except Transient as error:
                log.warning("bucket notifications cannot be read yet: %s", error)
                await self._clock.sleep(1.0)
        return None

    async def _read(self, consumer: Consumer) -> None:
        self._balance(consumer)
        try:
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=READ_MAX)
        except Transient as error:
            log.warning("bucket notifications cannot be read for now: %s", error)
            await self._clock.sleep(1.0)
            return
        except Fenced as error:
            raise Fatal(f"another process reads bucket notifications under this name: {error}") from error
        for place, records in batches.items():
            partition = self._partitions.get(place)
            if partition is None:
                continue
            for record in records:
                task = asyncio.create_task(self._settle(record, partition.take(record.offset)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _balance(self, consumer: Consumer) -> None:
        """Pause reading while too much is in hand: the poll goes on, so that the group does not take us for dead."""
        is_full = len(self._tasks) >= (UNSETTLED_MAX // 2 if self._paused else UNSETTLED_MAX)
        if is_full != self._paused:
            (consumer.pause if is_full else consumer.resume)(*self._partitions)
            self._paused = is_full

    async def _settle(self, record: Record, message: _Message) -> None:
        try:
            found = read_notices(record.value, now=self._clock.now())
            self._metrics.add(BUCKET_NOTIFICATIONS, way="log", outcome="taken")
            for each in found:
                await self._intake.take(each, "log")
        except Invalid as error:
            log.warning("%s/%d/%d is passed over: %s", record.topic, record.partition, record.offset, error)
            self._metrics.add(BUCKET_NOTIFICATIONS, way="log", outcome=error.code)
        except Transient as error:
            log.info("%s/%d/%d is left to the next reader: %s", record.topic, record.partition, record.offset, error)
            return
        except Exception:
            # Its offset must not hold up all that follow; the sweep finds the object.
            log.exception("%s/%d/%d could not be handled", record.topic, record.partition, record.offset)
        message.is_settled = True

    async def _keep_committing(self, consumer: Consumer) -> None:
        while True:
            await self._clock.sleep(COMMIT_EVERY_S)
            await self._commit(consumer)

    async def _commit(self, consumer: Consumer) -> None:
        for place, partition in list(self._partitions.items()):
            offset = partition.due()
            if offset is None:
                continue
            try:
                await consumer.commit({place: offset})
                partition.committed = offset
            except (Transient, Fenced) as error:
                log.info("notifications up to %s/%d/%d will be read again: %s", *place, offset, error)
