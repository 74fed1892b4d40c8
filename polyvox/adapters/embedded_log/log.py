"""The EventLog port."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from polyvox.adapters.embedded_log import groups, records, retention
from polyvox.adapters.embedded_log.consumer import EmbeddedConsumer
from polyvox.adapters.embedded_log.database import Database
from polyvox.adapters.embedded_log.keeper import Keeper
from polyvox.adapters.embedded_log.schema import BUSY_TIMEOUT_S
from polyvox.clock import SystemClock
from polyvox.errors import Fatal
from polyvox.ports import Clock, Message, RebalanceListener, Record, TopicConfig, TopicPartition


class EmbeddedLog:
    """EventLog in ``path``, a folder that the first call creates.

    Every call raises Unavailable when the disk is full or the database locked for too long, and Fatal
    when the file is damaged or another program's. ``offsets_at`` gives the next offset to be written
    where no record is late enough.

    Args:
        path: folder of the log, on a local disk; any number of processes may share it.
        clock: its wall time stamps records and its monotonic time ends sessions. Processes that
            share a log must have clocks that agree, as the clocks of one machine do.
        busy_timeout_s: how long to wait for other processes' transactions before the log counts as away.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._clock: Clock = clock or SystemClock()
        self._database = Database(path, busy_timeout_s)
        self._keeper = Keeper(path, self._clock, busy_timeout_s)
        self._consumers: set[EmbeddedConsumer] = set()
        self._waiting: list[tuple[list[Message], asyncio.Future[list[TopicPartition]]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    async def ensure_topics(self, topics: Sequence[TopicConfig]) -> None:
        wanted = list(topics)

        def ensure(connection: sqlite3.Connection) -> None:
            created = records.ensure_topics(connection, wanted)
            if created:
                groups.topics_created(connection, created, self._clock.monotonic_s())

        await self._database.transact(ensure)
        self._keeper.nudge()

    async def append(self, messages: Sequence[Message]) -> list[TopicPartition]:
        """One transaction; calls that wait for the disk at the same time share one.

        Raises Fatal for a topic that was never created.
        """
        if self._closed:
            raise Fatal("the log is closed")
        answer: asyncio.Future[list[TopicPartition]] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(messages), answer))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await answer

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        listener: RebalanceListener | None = None,
        session_timeout_s: float = 45.0,
    ) -> EmbeddedConsumer:
        """Returns as a member; the assignment comes when the other members have given theirs back."""
        consumer = EmbeddedConsumer(
            self._database,
            self._keeper,
            self._clock,
            group,
            tuple(topics),
            member=member,
            listener=listener,
            session_timeout_s=session_timeout_s,
            on_stop=self._consumers.discard,
        )
        await consumer.start()
        self._consumers.add(consumer)
        return consumer

    async def read(self, partition: TopicPartition, *, offset: int, max_records: int = 100) -> list[Record]:
        return await self._database.run(lambda connection: records.read_one(connection, partition, offset, max_records))

    async def bounds(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        return await self._database.run(lambda connection: records.bounds(connection, topic))

    async def offsets_at(self, topic: str, timestamp_ms: int) -> dict[TopicPartition, int]:
        return await self._database.run(lambda connection: records.offsets_at(connection, topic, timestamp_ms))

    async def lag(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        wanted = tuple(topics)
        return await self._database.run(lambda connection: groups.lag(connection, group, wanted))

    async def enforce_retention(self) -> int:
        return await self._database.run(lambda connection: retention.enforce(connection, self._now_ms()))

    async def close(self) -> None:
        """Stop what consumes, finish what appends, close the file. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(consumer.stop() for consumer in tuple(self._consumers)))
        if self._flushing is not None:
            await self._flushing
        await self._keeper.close()
        await self._database.close()

    async def _flush(self) -> None:
        while self._waiting:
            calls, self._waiting = self._waiting, []
            answers = await self._append([messages for messages, _ in calls])
            self._keeper.nudge()
            for (_, future), answer in zip(calls, answers, strict=True):
                if future.cancelled():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        self._flushing = None

    async def _append(self, calls: list[list[Message]]) -> Sequence[list[TopicPartition] | Exception]:
        try:
            return await self._database.run(lambda connection: records.append(connection, calls, self._now_ms))
        except Exception as error:
            return [error] * len(calls)

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)
