"""The Consumer port on a group member of aiokafka's.

One call of aiokafka's ``getmany`` is parked at a time, is never cancelled, and may outlive the call that began it;
what it brings waits in ``_held`` until it may be given out. That keeps the member's idle clock still, lets ``stop``
and time-outs end a poll in the middle of a rebalance, and keeps records of paused partitions back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from aiokafka import TopicPartition as Place
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from polyvox.adapters.kafka.clients import STOP_S
from polyvox.adapters.kafka.coordinator import GroupMember
from polyvox.adapters.kafka.errors import meaning_of, translated
from polyvox.adapters.kafka.options import KafkaOptions
from polyvox.adapters.kafka.reading import record_of
from polyvox.errors import Fenced
from polyvox.ports import RebalanceListener, Record, TopicPartition

logger = logging.getLogger(__name__)

MAX_RECORDS = 500
PARKED_MS = 60_000
COMMIT_WITHIN_S = 10.0


class Phase(Enum):
    """What may be done with records that arrive."""

    REVOKED = auto()
    """Nothing is owned: they belong to the assignment before and are dropped."""
    ASSIGNING = auto()
    """The listener is being told: they are held."""
    OWNED = auto()


class KafkaConsumer(ConsumerRebalanceListener):
    """One member of a group.

    ``stop`` does not call the listener: whoever stops a consumer has finished its work before. ``getmany`` and
    ``commit`` raise Fenced after a namesake took over, and whatever the listener raised, if it did.
    """

    def __init__(
        self,
        options: KafkaOptions,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        listener: RebalanceListener | None,
        make: Callable[[Callable[[], None]], GroupMember],
        on_stop: Callable[[KafkaConsumer], None],
    ) -> None:
        self._options = options
        self._names = f"{member} of {group}"
        self._topics = [options.full(topic) for topic in topics]
        self._listener = listener
        self._make = make
        self._on_stop = on_stop
        self._member = make(self._fence)
        self._phase = Phase.REVOKED
        self._owned: frozenset[TopicPartition] = frozenset()
        self._held: dict[TopicPartition, list[Record]] = {}
        self._paused: set[TopicPartition] = set()
        self._sought: dict[TopicPartition, int] = {}
        self._parked: asyncio.Task[None] | None = None
        self._trouble: Exception | None = None
        self._failure: Exception | None = None
        self._wake = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        await self._member.start()
        self._member.subscribe(self._topics, listener=self)

    async def getmany(self, *, timeout_ms: int, max_records: int | None = None) -> dict[TopicPartition, list[Record]]:
        most = max_records or MAX_RECORDS
        deadline_s = asyncio.get_running_loop().time() + timeout_ms / 1000
        while True:
            self._wake.clear()
            if self._stopping is not None:
                return {}
            self._raise_trouble()
            if batch := self._take(most):
                return batch
            if self._parked is None:
                self._parked = asyncio.create_task(self._park(most), name=f"records for {self._names}")
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._wake.wait()
            except TimeoutError:
                return {}

    def assignment(self) -> frozenset[TopicPartition]:
        return self._owned

    def pause(self, *partitions: TopicPartition) -> None:
        for partition in self._owned.intersection(partitions):
            self._paused.add(partition)
            self._member.pause(self._place(partition))

    def resume(self, *partitions: TopicPartition) -> None:
        for partition in self._paused.intersection(partitions):
            self._paused.remove(partition)
            self._member.resume(self._place(partition))
        self._wake.set()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Raises Fenced when the partition is not this consumer's."""
        if partition not in self._owned:
            raise Fenced(f"{self._names} does not own {partition.topic}/{partition.partition}")
        self._held.pop(partition, None)
        if self._parked is not None:
            self._sought[partition] = offset
        self._member.seek(self._place(partition), offset)
        self._wake.set()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        if self._failure is not None:
            raise self._failure
        if self._stopping is not None:
            raise Fenced(f"{self._names} has left")
        if foreign := sorted(offsets.keys() - self._owned):
            raise Fenced(f"{self._names} does not own {foreign}")
        if not offsets:
            return
        with translated(f"committing as {self._names}"):
            async with asyncio.timeout(COMMIT_WITHIN_S):
                await self._member.commit({self._place(partition): offset for partition, offset in offsets.items()})

    async def committed(self, partition: TopicPartition) -> int | None:
        with translated(f"looking up what {self._names} committed"):
            async with asyncio.timeout(COMMIT_WITHIN_S):
                found = await self._member.committed(self._place(partition))
        return None if found is None else int(found)

    async def stop(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._leave())
            self._wake.set()
        # The listener cannot wait for the end of its own call.
        if self._listening is not asyncio.current_task():
            await asyncio.shield(self._stopping)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Called by aiokafka before it joins anew."""
        self._phase = Phase.REVOKED
        self._held.clear()
        if self._owned and self._listener is not None:
            await self._tell(self._listener.on_revoked(self._owned))
        self._owned = frozenset()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Called by aiokafka after it joined."""
        self._phase = Phase.ASSIGNING
        self._held.clear()
        self._paused.clear()
        self._sought.clear()
        self._owned = frozenset(self._options.bare(place) for place in assigned)
        if self._listener is not None:
            await self._tell(self._listener.on_assigned(self._owned))
        self._phase = Phase.OWNED
        self._wake.set()

    async def _tell(self, call: Any) -> None:
        self._listening = asyncio.current_task()
        try:
            await call
        except Exception as error:
            # It has lost track of its work: it gets nothing more, and its caller hears why.
            logger.exception("the listener of %s failed", self._names)
            self._fail(error)
        finally:
            self._listening = None

    async def _park(self, most: int) -> None:
        try:
            batch = await self._member.getmany(timeout_ms=PARKED_MS, max_records=most)
            for place, found in batch.items():
                self._hold(self._options.bare(place), [record_of(one, self._options) for one in found])
        except (KafkaError, OSError) as error:
            self._trouble = meaning_of(error, f"reading as {self._names}")
        finally:
            self._parked = None
            self._sought.clear()
            self._wake.set()

    def _hold(self, partition: TopicPartition, records: list[Record]) -> None:
        if self._phase is Phase.REVOKED or partition not in self._owned:
            return
        sought = self._sought.get(partition)
        if sought is not None and records[0].offset != sought:
            # Read before the seek, or after one into a gap: read once more, from there on.
            self._member.seek(self._place(partition), sought)
            return
        self._held.setdefault(partition, []).extend(records)

    def _take(self, most: int) -> dict[TopicPartition, list[Record]]:
        """What may be given out now, the partition that was served last at the end."""
        batch: dict[TopicPartition, list[Record]] = {}
        if self._phase is not Phase.OWNED:
            return batch
        for partition in [partition for partition in self._held if partition not in self._paused]:
            if most <= 0:
                break
            held = self._held.pop(partition)
            batch[partition], left = held[:most], held[most:]
            most -= len(batch[partition])
            if left:
                self._held[partition] = left
        return batch

    async def _leave(self) -> None:
        self._phase = Phase.REVOKED
        try:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(4 * STOP_S):
                    await self._member.stop()
            if self._parked is not None:
                self._parked.cancel()
                await asyncio.gather(self._parked, return_exceptions=True)
        finally:
            self._owned = frozenset()
            self._on_stop(self)

    def _fence(self) -> None:
        self._fail(Fenced(f"{self._names} was taken over by a newer namesake"))

    def _fail(self, error: Exception) -> None:
        """Own nothing from now on; the error goes to whoever polls or commits."""
        self._failure = error
        self._phase = Phase.REVOKED
        self._wake.set()

    def _raise_trouble(self) -> None:
        if self._failure is not None:
            raise self._failure
        if (trouble := self._trouble) is not None:
            self._trouble = None
            raise trouble

    def _place(self, partition: TopicPartition) -> Place:
        return Place(self._options.full(partition.topic), partition.partition)
