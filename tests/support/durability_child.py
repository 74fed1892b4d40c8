"""A process that tests kill. It prints one line for each thing it was promised, as soon as it was.

python -m tests.support.durability_child produce FOLDER TOPIC NAME BATCH COUNT
python -m tests.support.durability_child consume FOLDER TOPIC GROUP MEMBER SESSION_S
python -m tests.support.durability_child replace FOLDER KEY
python -m tests.support.durability_child hang FOLDER KEY
python -m tests.support.durability_child part FOLDER KEY
python -m tests.support.durability_child claim FOLDER KEY NAME
python -m tests.support.durability_child overflow FOLDER TOPIC
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.errors import AlreadyExists, Fenced, Transient
from polyvox.ports import Message
from tests.support.consuming import Listener


def say(*words: object) -> None:
    print(*words, flush=True)


async def produce(folder: str, topic: str, name: str, batch: str, count: str) -> None:
    """Values ``name:0 …``, keys ``name-0 … name-4`` in turn. Says the next number after each append."""
    log = EmbeddedLog(Path(folder))
    for start in range(0, int(count), int(batch)):
        numbers = range(start, start + int(batch))
        await log.append([Message(topic, f"{name}-{i % 5}", f"{name}:{i}".encode()) for i in numbers])
        say("appended", start + int(batch))
    await log.close()


async def consume(folder: str, topic: str, group: str, member: str, session_s: str) -> None:
    async def tell(partitions: frozenset[object]) -> None:
        say("assigned", len(partitions))

    log = EmbeddedLog(Path(folder))
    listener = Listener(when_assigned=tell)
    consumer = await log.subscribe(group, [topic], member=member, session_timeout_s=float(session_s), listener=listener)
    while True:
        batch = await consumer.getmany(timeout_ms=500, max_records=5)
        for partition, records in batch.items():
            for record in records:
                say("got", partition.partition, record.offset)
            try:
                await consumer.commit({partition: records[-1].offset + 1})
            except Fenced:
                say("fenced", partition.partition)
            else:
                say("committed", partition.partition, records[-1].offset + 1)


async def replace(folder: str, key: str) -> None:
    store = FolderStore(Path(folder))
    version = 0
    while True:
        body = f"{version}".encode() * 20_000
        await store.put(key, body, metadata={"version": str(version), "size": str(len(body))})
        say("stored", version)
        if version % 5 == 4:
            await store.delete(key)
            say("deleted", version)
        version += 1


async def hang(folder: str, key: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        say("writing")
        await asyncio.Event().wait()

    await FolderStore(Path(folder)).put(key, body())


async def part(folder: str, key: str) -> None:
    """One part is kept, another is on its way in."""

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        say("writing")
        await asyncio.Event().wait()

    store = FolderStore(Path(folder))
    upload = await store.begin_parts(key)
    say("kept", upload, (await store.put_part(key, upload, 1, b"kept")).etag)
    await store.put_part(key, upload, 2, body())


async def claim(folder: str, key: str, name: str) -> None:
    store = FolderStore(Path(folder))
    await store.head(f"{key}-gate")
    try:
        await store.put(key, name.encode(), if_absent=True)
    except AlreadyExists:
        say("lost")
    else:
        say("won", name)
    await store.close()


async def overflow(folder: str, topic: str) -> None:
    """No file of this process may grow beyond 1 MB: a disk that is full, for those who write more."""
    log, store = EmbeddedLog(Path(folder) / "log"), FolderStore(Path(folder) / "objects")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    for size_bytes in (10, 3_000_000, 10):
        body = b"x" * size_bytes
        for what, work in (("log", log.append([Message(topic, "k", body)])), ("store", store.put("k", body))):
            try:
                await work
            except Transient:
                say(what, size_bytes, "transient")
            else:
                say(what, size_bytes, "done")
    await log.close()
    await store.close()


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    asyncio.run({f.__name__: f for f in (produce, consume, replace, hang, part, claim, overflow)}[what](*words))
