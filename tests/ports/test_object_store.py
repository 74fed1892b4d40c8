"""What every ObjectStore keeps to."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyvox.errors import AlreadyExists, Invalid, NotFound
from polyvox.ports import ObjectStore
from tests.ports.conftest import StoreWorld


async def keys_of(store: ObjectStore, prefix: str, *, start_after: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix, start_after=start_after)]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def joined(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


async def test_an_object_comes_back_with_all_that_was_said_of_it(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}media/x/original"
    metadata = {"tenant": "default", "filename": "Gespräch – 1.m4a"}
    put = await store.put(key, b"hello", content_type="audio/mp4", metadata=metadata)
    assert await store.get(key) == b"hello"
    head = await store.head(key)
    assert (head.key, head.size_bytes, head.content_type) == (key, 5, "audio/mp4")
    assert dict(head.metadata) == metadata
    assert head.etag == put.etag == hashlib.md5(b"hello").hexdigest()
    assert abs(head.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (put.key, put.size_bytes, put.content_type, dict(put.metadata)) == (key, 5, "audio/mp4", metadata)
    other = await stores.open()
    assert await other.head(key) == head


async def test_an_empty_object_is_an_object(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}empty"
    assert (await store.put(key, b"")).size_bytes == 0
    assert await store.get(key) == b""
    assert await joined(store.stream(key)) == b""
    assert await keys_of(store, key) == [key]


async def test_a_put_replaces_bytes_and_metadata_together(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    await store.put(key, b"one", content_type="text/plain", metadata={"n": "1"})
    await store.put(key, pieces(b"tw", b"o"), content_type="audio/flac")
    head = await store.head(key)
    assert (await store.get(key), head.content_type, dict(head.metadata)) == (b"two", "audio/flac", {})
    assert await keys_of(store, key) == [key]


async def test_what_is_missing_is_not_found(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}nothing/here"
    with pytest.raises(NotFound):
        await store.get(key)
    with pytest.raises(NotFound):
        await store.head(key)
    with pytest.raises(NotFound):
        await anext(aiter(store.stream(key)))
    with pytest.raises(NotFound):
        async with store.local_file(key):
            pass
    await store.delete(key)


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513])
async def test_a_key_that_no_store_takes_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(Invalid):
        await store.put(key, b"x")


async def test_only_one_of_many_conditional_puts_wins(stores: StoreWorld, store: ObjectStore) -> None:
    other = await stores.open()
    for attempt in range(5):
        key = f"{stores.prefix}race/{attempt}"

        async def put(number: int, key: str = key) -> int | None:
            try:
                await (store, other)[number % 2].put(key, pieces(b"%d" % number), if_absent=True)
            except AlreadyExists:
                return None
            return number

        winners = [number for number in await asyncio.gather(*map(put, range(12))) if number is not None]
        assert len(winners) == 1
        assert await store.get(key) == b"%d" % winners[0]
        with pytest.raises(AlreadyExists):
            await store.put(key, b"late", if_absent=True)
    assert len(await keys_of(store, f"{stores.prefix}race/")) == 5


async def test_after_a_delete_a_conditional_put_succeeds(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    await store.put(key, b"one", if_absent=True)
    await store.delete(key)
    await store.delete(key)
    with pytest.raises(NotFound):
        await store.head(key)
    await store.put(key, b"two", if_absent=True)
    assert await store.get(key) == b"two"


async def test_a_body_that_fails_leaves_what_was_there(stores: StoreWorld, store: ObjectStore) -> None:
    class Hangup(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        raise Hangup

    kept, fresh = f"{stores.prefix}kept", f"{stores.prefix}fresh"
    await store.put(kept, b"old")
    for key in (kept, fresh):
        with pytest.raises(Hangup):
            await store.put(key, broken())
    assert await store.get(kept) == b"old"
    assert await keys_of(store, stores.prefix) == [kept]


async def test_a_cancelled_put_stores_nothing(stores: StoreWorld, store: ObjectStore) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 500_000
            started.set()
            await asyncio.sleep(0)

    put = asyncio.create_task(store.put(f"{stores.prefix}k", endless()))
    await started.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert await keys_of(store, stores.prefix) == []


async def test_large_bodies_pass_through_in_constant_memory(stores: StoreWorld, store: ObjectStore) -> None:
    key, chunk, count = f"{stores.prefix}large", bytes(range(256)) * 1024, 400
    expected = hashlib.md5()

    async def body() -> AsyncIterator[bytes]:
        for number in range(count):
            piece = number.to_bytes(4, "big") + chunk
            expected.update(piece)
            yield piece

    found = hashlib.md5()
    tracemalloc.start()
    try:
        info = await store.put(key, body())
        async for piece in store.stream(key):
            found.update(piece)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert info.size_bytes == count * (4 + len(chunk))
    assert found.hexdigest() == expected.hexdigest()
    assert (await store.head(key)).etag == info.etag
    # A few parts are on their way at a time.
    assert peak_bytes < 50_000_000 < info.size_bytes


async def test_chunks_are_no_larger_than_asked_for(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    await store.put(key, b"0123456789")
    chunks = [chunk async for chunk in store.stream(key, start=1, end=9, chunk_bytes=3)]
    assert b"".join(chunks) == b"12345678"
    assert all(0 < len(chunk) <= 3 for chunk in chunks)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 1200), end=st.none() | st.integers(0, 1200), chunk_bytes=st.integers(1, 1500))
async def test_any_range_is_the_slice_of_the_bytes(
    stores: StoreWorld, store: ObjectStore, start: int, end: int | None, chunk_bytes: int
) -> None:
    key, data = f"{stores.prefix}ranges", bytes(i * 7 % 256 for i in range(1000))
    if not await keys_of(store, key):
        await store.put(key, data)
    assert await joined(store.stream(key, start=start, end=end, chunk_bytes=chunk_bytes)) == data[start:end]


async def test_a_stream_gives_one_version_from_start_to_end(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    await store.put(key, b"a" * 100)
    stream = store.stream(key, chunk_bytes=10)
    found = await anext(stream)
    await store.put(key, b"b" * 100)
    try:
        found += await joined(stream)
    except NotFound:
        # A remote store may find out that the version is gone; it must not mix the two.
        return
    assert found == b"a" * 100


async def test_readers_never_see_half_a_replacement(stores: StoreWorld, store: ObjectStore) -> None:
    key, other = f"{stores.prefix}k", await stores.open()
    versions = {str(n): b"%d" % n * (1000 * (n + 1)) for n in range(8)}
    await store.put(key, versions["0"], metadata={"n": "0"})
    done = asyncio.Event()

    async def write() -> None:
        for turn in range(40):
            n = str(turn % 8)
            await other.put(key, versions[n], metadata={"n": n})
        done.set()

    async def read() -> int:
        reads = 0
        while not done.is_set():
            assert await store.get(key) in versions.values()
            head = await store.head(key)
            data = versions[head.metadata["n"]]
            assert (head.size_bytes, head.etag) == (len(data), hashlib.md5(data).hexdigest())
            reads += 1
        return reads

    _, *reads = await asyncio.gather(write(), read(), read())
    assert sum(reads) > 0
    assert await keys_of(store, stores.prefix) == [key]


async def test_a_local_file_has_the_bytes_as_long_as_it_is_held(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    await store.put(key, b"first")
    async with store.local_file(key) as path:
        assert path.read_bytes() == b"first"
        await store.put(key, b"second")
        async with store.local_file(key) as newer:
            assert newer.read_bytes() == b"second"
        await store.delete(key)
        with path.open("rb") as file:
            file.seek(2)
            assert file.read() == b"rst"
    assert not path.exists()
    with pytest.raises(NotFound):
        await store.get(key)


async def test_puts_and_deletes_of_neighbours_do_not_disturb_each_other(stores: StoreWorld, store: ObjectStore) -> None:
    other = await stores.open()

    async def come_and_go(client: ObjectStore, name: str) -> None:
        key = f"{stores.prefix}deep/er/still/{name}"
        for turn in range(25):
            await client.put(key, b"%d" % turn)
            assert await client.get(key) == b"%d" % turn
            await client.delete(key)

    await asyncio.gather(*(come_and_go((store, other)[i % 2], f"n{i}") for i in range(6)))
    assert await keys_of(store, stores.prefix) == []


async def test_a_head_may_name_the_version_it_wants(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}versioned"
    first = await store.put(key, b"one")
    version = first.version or first.etag
    assert (await store.head(key, version=version)).etag == first.etag
    await store.put(key, b"two!")
    try:
        found = await store.head(key, version=version)
    except NotFound:
        return
    assert (found.etag, found.size_bytes) == (first.etag, 3), "kept, or not found; never another version"
