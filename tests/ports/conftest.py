"""The worlds on which the port suites run. A new adapter joins by one more factory here.

A world opens any number of clients to one and the same log or store, as several processes would, and
closes them at the end of the test.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.adapters.kafka import KafkaLog, KafkaOptions
from polyvox.adapters.s3 import S3Store
from polyvox.ports import EventLog, ObjectStore, TopicConfig
from tests.support.buckets import S3Server, new_bucket, options_of


@dataclass
class LogWorld:
    """One log. ``patience_s`` bounds how long it may take to rebalance or to be up to date."""

    open: Callable[[], Awaitable[EventLog]]
    patience_s: float

    async def topic(
        self, log: EventLog, *, partitions: int = 1, retention_s: float | None = None, compacted: bool = False
    ) -> str:
        """A new topic with a name of its own, since a broker outlives the test."""
        name = f"t-{uuid.uuid4().hex[:12]}"
        await log.ensure_topics([TopicConfig(name, partitions, retention_s, compacted)])
        return name

    def group(self) -> str:
        return f"g-{uuid.uuid4().hex[:12]}"


@dataclass
class StoreWorld:
    """One store; every key of a test starts with ``prefix``, since a bucket outlives the test."""

    open: Callable[[], Awaitable[ObjectStore]]
    prefix: str
    joins_race: bool = False
    """Of joins with ``if_absent`` at the very same moment more than one may win; see ADR 9."""


@asynccontextmanager
async def embedded_log(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[LogWorld]:
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
async def kafka_log(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[LogWorld]:
    options = KafkaOptions(request.getfixturevalue("kafka_server").bootstrap, prefix=f"{uuid.uuid4().hex[:8]}-")
    opened: list[KafkaLog] = []

    async def open_log() -> EventLog:
        opened.append(KafkaLog(options, client_id=f"client-{len(opened)}"))
        return opened[-1]

    try:
        yield LogWorld(open_log, patience_s=20.0)
    finally:
        for log in opened:
            await log.close()


@asynccontextmanager
async def folder_store(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    opened: list[FolderStore] = []

    async def open_store() -> ObjectStore:
        opened.append(FolderStore(folder / "objects"))
        return opened[-1]

    try:
        yield StoreWorld(open_store, prefix="")
    finally:
        for store in opened:
            await store.close()


@asynccontextmanager
async def s3_store(server: S3Server, folder: Path, prefix: str) -> AsyncIterator[StoreWorld]:
    opened: list[S3Store] = []
    bucket = new_bucket(server)

    async def open_store() -> ObjectStore:
        # Pages are small, so that there are some.
        options = options_of(server, listed_at_once=50)
        opened.append(S3Store(options, bucket=bucket, prefix=prefix, scratch=folder / "scratch"))
        return opened[-1]

    try:
        yield StoreWorld(open_store, prefix="")
    finally:
        for store in opened:
            await store.close()


@asynccontextmanager
async def minio_store(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    async with s3_store(request.getfixturevalue("minio_server"), folder, prefix="shared/") as world:
        yield world


@asynccontextmanager
async def seaweedfs_store(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[StoreWorld]:
    async with s3_store(request.getfixturevalue("seaweedfs_server"), folder, prefix="") as world:
        yield replace(world, joins_race=True)


LOGS: Sequence[Callable[[Path, pytest.FixtureRequest], AbstractAsyncContextManager[LogWorld]]] = (
    embedded_log,
    kafka_log,
)
STORES: Sequence[Callable[[Path, pytest.FixtureRequest], AbstractAsyncContextManager[StoreWorld]]] = (
    folder_store,
    minio_store,
    seaweedfs_store,
)


@pytest.fixture(params=LOGS, ids=lambda factory: factory.__name__)
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogWorld]:
    async with request.param(tmp_path, request) as world:
        yield world


@pytest.fixture(params=STORES, ids=lambda factory: factory.__name__)
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreWorld]:
    async with request.param(tmp_path, request) as world:
        yield world


@pytest.fixture
async def log(logs: LogWorld) -> EventLog:
    return await logs.open()


@pytest.fixture
async def store(stores: StoreWorld) -> ObjectStore:
    return await stores.open()
