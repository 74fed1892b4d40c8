"""A bucket watcher on the embedded log and folder stores, the bucket it watches, and what it said."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from ingest.bucket import service
from polyvox import keys, topics
from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.contracts import LaneBacklog, MediaUploaded, TenantBacklog
from polyvox.ports import Message, ObjectInfo, ObjectStore
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.faulty import FaultyLog, FaultyStore
from tests.support.reading import told
from tests.support.uploads import LaterClock

BUCKET = "calls"
WATCH = {"bucket": BUCKET, "prefix": "in/", "tenant": "acme", "sidecar_wait_s": 0.0, "settle_s": 0.0}


def notification(
    key: str,
    info: ObjectInfo,
    *,
    bucket: str = BUCKET,
    metadata: Mapping[str, str] | None = None,
    event: str = "s3:ObjectCreated:Put",
) -> bytes:
    """As MinIO sends it; without ``metadata``, as AWS does."""
    told_of: dict[str, Any] = {"key": quote_plus(key), "size": info.size_bytes, "eTag": info.etag}
    if metadata is not None:
        told_of["userMetadata"] = {f"X-Amz-Meta-{name}": value for name, value in metadata.items()}
    record = {
        "eventName": event,
        "eventTime": info.modified_at.isoformat(),
        "s3": {"bucket": {"name": bucket}, "object": told_of},
    }
    return json.dumps({"EventName": event, "Key": f"{bucket}/{key}", "Records": [record]}).encode()


@dataclass
class World:
    """One store, one log, one bucket; any number of watchers on them."""

    folder: Path
    inner_log: EmbeddedLog
    inner_store: FolderStore
    bucket: FolderStore
    clock: LaterClock = field(default_factory=LaterClock)

    def runtime(self, *, member: str = "watcher", watches: Any = (WATCH,), **settings: Any) -> Runtime:
        store, log = FaultyStore(self.inner_store), FaultyLog(self.inner_log)
        defaults: dict[str, Any] = {"sweep_every_s": 3600.0, "sweep_at_most_s": 3600.0, "drain_timeout_s": 5.0}
        return Runtime(
            Settings(data_dir=self.folder, watches=json.dumps(list(watches)), **{**defaults, **settings}),
            log,
            store,
            self.clock,
            member,
            bucket=self._open,
        )

    def _open(self, name: str) -> ObjectStore:
        assert name == BUCKET
        return self.bucket

    @contextlib.asynccontextmanager
    async def watching(self, **options: Any) -> AsyncIterator[Runtime]:
        """A watcher that runs as long as the context, and ends in order."""
        runtime = self.runtime(**options)
        working = asyncio.create_task(service.work(runtime))
        try:
            yield runtime
        finally:
            runtime.stopping.set()
            await working

    async def drop(self, key: str, body: bytes = b"sound", **metadata: str) -> ObjectInfo:
        return await self.bucket.put(key, body, content_type="audio/wav", metadata=metadata)

    async def tell(self, body: bytes) -> None:
        await self.inner_log.append([Message(topics.BUCKET_EVENTS.name, "calls/key", body)])

    async def drop_and_tell(self, key: str, body: bytes = b"sound", **metadata: str) -> ObjectInfo:
        info = await self.drop(key, body, **metadata)
        await self.tell(notification(key, info, metadata=metadata))
        return info

    async def announced(self) -> list[MediaUploaded]:
        """Every media-uploaded on the log, repeats and all."""
        return [envelope.data for envelope in await told(self.inner_log, MediaUploaded)]

    async def names(self) -> list[str]:
        return sorted(fact.original.key for fact in await self.announced())

    async def stored(self, prefix: str = "") -> list[str]:
        return [info.key async for info in self.inner_store.list(prefix)]

    async def delete_recording(self, media_id: str) -> None:
        """As the results API does it."""
        for key in await self.stored(keys.media_prefix(media_id)):
            await self.inner_store.delete(key)

    async def is_read(self) -> bool:
        """Whether every notification so far is settled and committed."""
        lag = await self.inner_log.lag("bucket-watcher", [topics.BUCKET_EVENTS.name])
        return sum(lag.values()) == 0

    async def tell_backlog(self, recordings: int, *, tenant: str = "acme") -> None:
        now = self.clock.now()
        bulk = LaneBacklog(recordings=recordings, audio_s=float(recordings), counted_to=now)
        fact = TenantBacklog(tenant=tenant, as_of=now, bulk=bulk)
        await Publisher(self.inner_log, self.clock, "/tests").publish(fact)


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    settings = Settings(data_dir=folder)
    log = EmbeddedLog(settings.log_path)
    store = FolderStore(settings.objects_path)
    bucket = FolderStore(folder / "buckets" / BUCKET)
    await log.ensure_topics(topics.configs())
    try:
        yield World(folder, log, store, bucket)
    finally:
        for each in (store, bucket, log):
            await each.close()
