"""Real adapters that fail on demand: everything else goes straight to the adapter behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from polyvox.errors import Transient
from polyvox.ports import Body, EventLog, Message, ObjectInfo, ObjectStore, TopicPartition


@dataclass
class Faults:
    """``rules``: (operation, predicate on its key or topic, error to raise)."""

    rules: list[tuple[str, Callable[[str], bool], BaseException]] = field(default_factory=list)
    hanging: list[tuple[str, str, asyncio.Event]] = field(default_factory=list)

    def fail(self, operation: str, *, matching: str = "", error: BaseException | None = None) -> None:
        """From now on ``operation`` raises for keys or topics that contain ``matching``."""
        self.rules.append((operation, lambda name: matching in name, error or Transient("injected trouble")))

    def hang(self, operation: str, *, matching: str = "") -> asyncio.Event:
        """From now on ``operation`` never answers for such names; the event is set when somebody waits for it."""
        reached = asyncio.Event()
        self.hanging.append((operation, matching, reached))
        return reached

    def heal(self) -> None:
        self.rules.clear()

    async def check(self, operation: str, name: str) -> None:
        for hanging, matching, reached in self.hanging:
            if hanging == operation and matching in name:
                reached.set()
                await asyncio.Event().wait()
        for ruled, matches, error in self.rules:
            if ruled == operation and matches(name):
                raise error


class FaultyStore:
    """An ObjectStore. Operations that can fail: put, get, head, delete; ``putting`` counts puts under way."""

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner
        self.faults = Faults()
        self.putting = 0
        self.puts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def put(self, key: str, body: Body, **options: Any) -> ObjectInfo:
        await self.faults.check("put", key)
        self.putting += 1
        self.puts += 1
        try:
            return await self.inner.put(key, body, **options)
        finally:
            self.putting -= 1

    async def get(self, key: str) -> bytes:
        await self.faults.check("get", key)
        return await self.inner.get(key)

    async def head(self, key: str, **options: Any) -> ObjectInfo:
        await self.faults.check("head", key)
        return await self.inner.head(key, **options)

    async def delete(self, key: str) -> None:
        await self.faults.check("delete", key)
        await self.inner.delete(key)


class FaultyLog:
    """An EventLog. Operations that can fail: append, bounds."""

    def __init__(self, inner: EventLog) -> None:
        self.inner = inner
        self.faults = Faults()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def append(self, messages: Sequence[Message]) -> list[TopicPartition]:
        for message in messages:
            await self.faults.check("append", message.topic)
        return await self.inner.append(messages)

    async def bounds(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        await self.faults.check("bounds", topic)
        return await self.inner.bounds(topic)
