"""The worlds on which the port suites run. A new adapter joins by one more factory here.

A world opens any number of clients to one and the same log or store, as several processes would, and
closes them at the end of the test.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.ports import EventLog, ObjectStore, TopicConfig


@dataclass
class LogWorld:
    """One log. ``patience_s`` bounds how long it may take to rebalance or to be up to date."""

    open: Callable[[], Awaitable[EventLog]]
    patience_s: float

    async def topic(self, log: EventLog, *, partitions: int = 1, retention_s: float | None = None) -> str:
        """A new topic with a name of its own, since a broker outlives the test."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        await log.ensure_topics([TopicConfig(name, partitions, retention_s)])
        return name

    def group(self) -> str:
        return f"g-{uuid.uuid4().hex[:12]}"


@dataclass
class StoreWorld:
    """One store; every key of a test starts with ``prefix``, since a bucket outlives the test."""

    open: Callable[[], Awaitable[ObjectStore]]
    prefix: str


@asynccontextmanager
async def embedded_log(folder: Path) -> AsyncIterator[LogWorld]:
    opened: list[EmbeddedLog] = []

    async def open_log() -> EventLog:
        opened.append(EmbeddedLog(folder / "log"))
        return opened[-1]

    try:
        yield LogWorld(open_log, patience_s=10.0)
    finally:
        for log in opened:
            await log.close()


@asynccontextmanager
async def folder_store(folder: Path) -> AsyncIterator[StoreWorld]:
    opened: list[FolderStore] = []

    async def open_store() -> ObjectStore:
        opened.append(FolderStore(folder / "objects"))
        return opened[-1]

    try:
        yield StoreWorld(open_store, prefix="")
    finally:
        for store in opened:
            await store.close()


LOGS: Sequence[Callable[[Path], AbstractAsyncContextManager[LogWorld]]] = (embedded_log,)
STORES: Sequence[Callable[[Path], AbstractAsyncContextManager[StoreWorld]]] = (folder_store,)


@pytest.fixture(params=LOGS, ids=lambda factory: factory.__name__)
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogWorld]:
    async with request.param(tmp_path) as world:
        yield world


@pytest.fixture(params=STORES, ids=lambda factory: factory.__name__)
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreWorld]:
    async with request.param(tmp_path) as world:
        yield world


@pytest.fixture
async def log(logs: LogWorld) -> EventLog:
    return await logs.open()


@pytest.fixture
async def store(stores: StoreWorld) -> ObjectStore:
    return await stores.open()
