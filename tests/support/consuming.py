"""Consumers under test: a listener that writes down what it is told, and collecting with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from polyvox.ports import Consumer, EventLog, Message, Record, TopicPartition
from tests.support.polling import until

Heard = Callable[[frozenset[TopicPartition]], Awaitable[None]]


@dataclass
class Listener:
    """A RebalanceListener that keeps its calls; the two hooks run inside them."""

    calls: list[tuple[str, frozenset[TopicPartition]]] = field(default_factory=list)
    when_revoked: Heard | None = None
    when_assigned: Heard | None = None

    async def on_revoked(self, revoked: frozenset[TopicPartition]) -> None:
        self.calls.append(("revoked", revoked))
        if self.when_revoked is not None:
            await self.when_revoked(revoked)

    async def on_assigned(self, assigned: frozenset[TopicPartition]) -> None:
        self.calls.append(("assigned", assigned))
        if self.when_assigned is not None:
            await self.when_assigned(assigned)

    def heard(self, what: str) -> list[frozenset[TopicPartition]]:
        return [partitions for kind, partitions in self.calls if kind == what and partitions]


async def collect(consumer: Consumer, count: int, *, deadline_s: float = 60.0, most: int | None = None) -> list[Record]:
    """At least ``count`` records in the order in which they came, without committing."""
    give_up_s = time.monotonic() + deadline_s
    found: list[Record] = []
    while len(found) < count:
        batch = await consumer.getmany(timeout_ms=200, max_records=most)
        for records in batch.values():
            found.extend(records)
        assert time.monotonic() < give_up_s, f"{len(found)} of {count} records within {deadline_s} s"
    return found


async def nothing_more(consumer: Consumer, *, polls: int = 3) -> None:
    """Fails if records come."""
    for _ in range(polls):
        assert await consumer.getmany(timeout_ms=100) == {}


async def fill(log: EventLog, topic: str, count: int, *, keys: int = 50) -> None:
    """Append ``count`` records whose values are the numbers from 0 on."""
    await log.append([Message(topic, f"key-{i % keys}", str(i).encode()) for i in range(count)])


async def settled(partitions: int, *consumers: Consumer, deadline_s: float) -> None:
    """Wait until the consumers hold ``partitions`` partitions among them, each at least one."""

    def all_dealt() -> bool:
        owned = [consumer.assignment() for consumer in consumers]
        return all(owned) and sum(map(len, owned)) == len(frozenset().union(*owned)) == partitions

    await until(all_dealt, deadline_s=deadline_s)


async def stays_parked(poll: asyncio.Task[Any]) -> None:
    """The task has begun to wait and goes on waiting."""
    done, _ = await asyncio.wait([poll], timeout=0.1)
    assert not done
