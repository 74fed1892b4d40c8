"""A log whose consumers fail on demand as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from polyvox.ports import Consumer, EventLog, Record, TopicPartition
from tests.support.faulty import Faults, FaultyLog


class TroubledLog(FaultyLog):
    """An EventLog. Operations that can fail: append, bounds, subscribe, getmany, commit."""

    def __init__(self, inner: EventLog) -> None:
        super().__init__(inner)
        self.consumers: list[TroubledConsumer] = []

    async def subscribe(self, group: str, topics: Sequence[str], **options: Any) -> Consumer:
        for topic in topics:
            await self.faults.check("subscribe", topic)
        consumer = TroubledConsumer(await self.inner.subscribe(group, topics, **options), self.faults)
        self.consumers.append(consumer)
        return cast(Consumer, consumer)


class TroubledConsumer:
    def __init__(self, inner: Consumer, faults: Faults) -> None:
        self.inner = inner
        self.faults = faults
        self.pauses: list[TopicPartition] = []

    def pause(self, *partitions: TopicPartition) -> None:
        self.pauses += partitions
        self.inner.pause(*partitions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def getmany(self, **options: Any) -> dict[TopicPartition, list[Record]]:
        await self.faults.check("getmany", "")
        return await self.inner.getmany(**options)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        for partition in offsets:
            await self.faults.check("commit", partition.topic)
        await self.inner.commit(offsets)
