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
from typing import Any

from aiokafka import TopicPartition as Place
from aiokafka.errors import KafkaError

from polyvox.adapters.kafka.clients import STOP_S
from polyvox.adapters.kafka.coordinator import Holder
from polyvox.adapters.kafka.errors import meaning_of, translated
from polyvox.adapters.kafka.member import GroupMember
from polyvox.adapters.kafka.options import KafkaOptions
from polyvox.adapters.kafka.reading import record_of
from polyvox.errors import Fenced
from polyvox.ports import RebalanceListener, Record, TopicPartition

logger = logging.getLogger(__name__)

MAX_RECORDS = 500
PARKED_MS = 60_000
COMMIT_WITHIN_S = 10.0
REVIVE_S = 1.0


class KafkaConsumer:
    """One member of a group, and the Holder of what it is dealt.

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
        make: Callable[[Holder], GroupMember],
        on_stop: Callable[[KafkaConsumer], None],
    ) -> None:
        self._options = options
        self._names = f"{member} of {group}"
        self._topics = [options.full(topic) for topic in topics]
        self._listener = listener
        self._make = make
        self._on_stop = on_stop
        self._member = make(self)
        self._owned: frozenset[TopicPartition] = frozenset()
        self._coming: frozenset[TopicPartition] = frozenset()
        """Owned, or to be told of: their records are held. The others' belong to the past and are dropped."""
        self._flowing: frozenset[TopicPartition] = frozenset()
        """Their records may be given out."""
        self._held: dict[TopicPartition, list[Record]] = {}
        self._paused: set[TopicPartition] = set()
        self._sought: dict[TopicPartition, int] = {}
        self._parked: asyncio.Task[None] | None = None
        self._trouble: Exception | None = None
        self._failure: Exception | None = None
        self._wake = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[Any] | None = None
        self._committing = asyncio.Lock()

    async def start(self) -> None:
        await self._member.start()
        self._member.subscribe(self._topics)

    async def getmany(self, *, timeout_ms: int, max_records: int | None = None) -> dict[TopicPartition, list[Record]]:
        most = max_records or MAX_RECORDS
        deadline_s = asyncio.get_running_loop().time() + timeout_ms / 1000
        while True:
            self._wake.clear()
            if self._stopping is not None:
                return {}
            self._raise_trouble()
            if self._reviving is None and self._member.dead:
                self._reviving = asyncio.create_task(self._revive(), name=f"another life of {self._names}")
            if batch := self._take(most):
                return batch
            if self._parked is None and self._reviving is None:
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
            if partition in self._coming:
                self._member.pause(self._place(partition))

    def resume(self, *partitions: TopicPartition) -> None:
        for partition in self._paused.intersection(partitions):
            self._paused.remove(partition)
            if partition in self._coming:
                self._member.resume(self._place(partition))
        self._wake.set()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Raises Fenced when the partition is not this consumer's."""
        if partition not in self._owned & self._coming:
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
            async with asyncio.timeout(COMMIT_WITHIN_S), self._committing:
                await self._member.store({self._place(partition): offset for partition, offset in offsets.items()})

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

    def holds(self) -> frozenset[Place]:
        """Holder: what is owned."""
        return frozenset(self._place(partition) for partition in self._owned)

    async def lost(self) -> None:
        """Holder: everything may have another owner."""
        self._coming = self._flowing = frozenset()
        self._held.clear()
        await self._let_go(self._owned)
        self._owned = frozenset()

    async def dealt(self, places: frozenset[Place]) -> bool:
        """Holder: let go of what is not among ``places``, then say what is owned."""
        dealt = frozenset(self._options.bare(place) for place in places)
        revoked = self._owned - dealt
        self._coming, self._flowing = dealt, self._owned & dealt
        for partition in revoked:
            self._held.pop(partition, None)
        await self._let_go(revoked)
        self._owned = dealt
        self._flowing = frozenset()
        self.resume(*self._paused)
        if self._listener is not None:
            await self._tell(self._listener.on_assigned(dealt))
        self._flowing = frozenset() if self._failure is not None else dealt
        self._wake.set()
        return bool(revoked)

    def fenced(self) -> None:
        """Holder: a namesake has taken over."""
        self._fail(Fenced(f"{self._names} was taken over by a newer namesake"))

    async def _let_go(self, revoked: frozenset[TopicPartition]) -> None:
        if revoked and self._listener is not None:
            await self._tell(self._listener.on_revoked(revoked))
        # A commit that is still on its way must not arrive after the next owner's.
        async with self._committing:
            self._paused -= revoked

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
        if partition not in self._coming:
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
        for partition in [partition for partition in self._held if partition in self._flowing - self._paused]:
            if most <= 0:
                break
            held = self._held.pop(partition)
            batch[partition], left = held[:most], held[most:]
            most -= len(batch[partition])
            if left:
                self._held[partition] = left
        return batch

    async def _revive(self) -> None:
        """A member whose tasks ended of a bug would sit in its group and do nothing: join anew under its name."""
        logger.error("%s is beyond repair and joins anew", self._names)
        try:
            await self.lost()
            await self._shut()
            while True:
                self._member = self._make(self)
                try:
                    await self.start()
                    return
                except (KafkaError, OSError, TimeoutError) as error:
                    logger.warning("%s joins again in %s s: %s", self._names, REVIVE_S, error)
                    await self._shut()
                    await asyncio.sleep(REVIVE_S)
        finally:
            self._reviving = None
            self._wake.set()

    async def _leave(self) -> None:
        self._flowing = frozenset()
        try:
            if self._reviving is not None:
                self._reviving.cancel()
                await asyncio.gather(self._reviving, return_exceptions=True)
            await self._shut()
        finally:
            self._owned = frozenset()
            self._on_stop(self)

    async def _shut(self) -> None:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(4 * STOP_S):
                await self._member.stop()
        if self._parked is not None:
            self._parked.cancel()
            await asyncio.gather(self._parked, return_exceptions=True)

    def _fail(self, error: Exception) -> None:
        """Own nothing from now on; the error goes to whoever polls or commits."""
        if self._failure is None:
            self._failure = error
        self._flowing = frozenset()
        self._wake.set()

    def _raise_trouble(self) -> None:
        if self._failure is not None:
            raise self._failure
        if (trouble := self._trouble) is not None:
            self._trouble = None
            raise trouble

    def _place(self, partition: TopicPartition) -> Place:
        return Place(self._options.full(partition.topic), partition.partition)
