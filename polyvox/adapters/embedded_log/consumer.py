"""The Consumer port: positions, pauses and fetching for the partitions a membership holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from polyvox.adapters.embedded_log import groups, records
from polyvox.adapters.embedded_log.database import Database
from polyvox.adapters.embedded_log.groups import Status
from polyvox.adapters.embedded_log.keeper import Keeper, Watch
from polyvox.adapters.embedded_log.membership import Membership, new_session
from polyvox.errors import Fenced
from polyvox.ports import Clock, RebalanceListener, Record, TopicPartition

MAX_RECORDS = 500
"""Records per ``getmany`` when the caller names no number; Kafka's ``max.poll.records``."""


class EmbeddedConsumer:
    """One member of a group.

    ``stop`` does not call the listener: whoever stops a consumer has finished its work before. A
    partition that was never committed starts at its earliest record. ``getmany`` and ``commit`` raise
    Fenced after a newer namesake took over, and whatever the listener raised, if it did.
    """

    def __init__(
        self,
        database: Database,
        keeper: Keeper,
        clock: Clock,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        listener: RebalanceListener | None,
        session_timeout_s: float,
        on_stop: Callable[[EmbeddedConsumer], None],
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._on_stop = on_stop
        self._membership = Membership(
            database,
            clock,
            new_session(group, member),
            topics,
            session_timeout_s,
            listener=listener,
            on_owned=self._own,
            on_active=self._wake_up,
        )
        self._watch = Watch(
            self._membership.session,
            session_timeout_s,
            asyncio.get_running_loop(),
            on_change=self._log_changed,
            on_fatal=self._membership.fail,
        )
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._ends: Mapping[TopicPartition, int] = {}
        self._wake = asyncio.Event()
        self._turn = 0
        self._stopping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._membership.start()
        self._keeper.add(self._watch)

    async def getmany(self, *, timeout_ms: int, max_records: int | None = None) -> dict[TopicPartition, list[Record]]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_ms / 1000
        while True:
            self._wake.clear()
            if self._stopping is not None:
                return {}
            self._raise_failure()
            starts = self._fetchable()
            if starts:
                batch = self._still_mine(await self._fetch(starts, max_records or MAX_RECORDS), starts)
                if batch:
                    return batch
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._wake.wait()
            except TimeoutError:
                return {}

    def assignment(self) -> frozenset[TopicPartition]:
        return self._membership.partitions

    def pause(self, *partitions: TopicPartition) -> None:
        self._paused.update(self._membership.partitions.intersection(partitions))

    def resume(self, *partitions: TopicPartition) -> None:
        self._paused.difference_update(partitions)
        self._wake.set()

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Raises Fenced when the partition is not this consumer's."""
        if partition not in self._positions:
            raise Fenced(f"{self._names} does not own {partition.topic}/{partition.partition}")
        self._positions[partition] = offset
        self._wake.set()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._raise_failure()
        if self._stopping is not None:
            raise Fenced(f"{self._names} has left")
        session, generation, stored = self._membership.session, self._membership.generation, dict(offsets)
        await self._database.transact(lambda connection: groups.commit(connection, session, generation, stored))

    async def committed(self, partition: TopicPartition) -> int | None:
        group = self._membership.session.group
        return await self._database.run(lambda connection: groups.committed(connection, group, partition))

    async def stop(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._leave())
            self._wake.set()
        # The listener cannot wait for the end of its own call.
        if not self._membership.calls_listener:
            await asyncio.shield(self._stopping)

    async def _leave(self) -> None:
        try:
            await self._membership.stop()
        finally:
            self._keeper.remove(self._watch)
            self._keeper.nudge()
            self._on_stop(self)

    def _fetchable(self) -> dict[TopicPartition, int]:
        """Positions that have records behind them, each call beginning with another partition."""
        if not self._membership.active:
            return {}
        waiting = [
            partition
            for partition, position in sorted(self._positions.items())
            # A position beyond the end is out of range: fetching finds that out and starts over.
            if partition not in self._paused and self._ends.get(partition, 0) != position
        ]
        self._turn += 1
        first = self._turn % len(waiting) if waiting else 0
        return {partition: self._positions[partition] for partition in waiting[first:] + waiting[:first]}

    async def _fetch(self, starts: Mapping[TopicPartition, int], most: int) -> dict[TopicPartition, list[Record]]:
        return await self._database.run(lambda connection: records.read(connection, starts, most))

    def _still_mine(
        self, batch: dict[TopicPartition, list[Record]], starts: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, list[Record]]:
        """What may be given out: a rebalance, a pause or a seek may have come while it was read."""
        if not self._membership.active or self._stopping is not None:
            return {}
        kept = {
            partition: found
            for partition, found in batch.items()
            if partition not in self._paused and self._positions.get(partition) == starts[partition]
        }
        for partition, found in kept.items():
            self._positions[partition] = found[-1].offset + 1
        return kept

    def _own(self, owned: Mapping[TopicPartition, int | None]) -> None:
        self._positions = {partition: offset or 0 for partition, offset in owned.items()}
        self._paused.clear()

    def _log_changed(self, ends: Mapping[TopicPartition, int], status: Status) -> None:
        self._ends = ends
        self._membership.status_changed(status)
        if self._fetchable():
            self._wake.set()

    def _wake_up(self) -> None:
        self._wake.set()

    def _raise_failure(self) -> None:
        if self._membership.failure is not None:
            raise self._membership.failure

    @property
    def _names(self) -> str:
        return f"{self._membership.session.member} of {self._membership.session.group}"
