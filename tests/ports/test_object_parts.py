"""What every ObjectStore keeps to: uploads in parts, presigned URLs, versions of local files, tags."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from polyvox.errors import AlreadyExists, Invalid, NotFound
from polyvox.ports import PART_MIN_BYTES, PARTS_MAX, ObjectStore, PartInfo
from tests.ports.conftest import StoreWorld

MIB = 1 << 20


async def keys_of(store: ObjectStore, prefix: str) -> list[str]:
    return [info.key async for info in store.list(prefix)]


async def open_uploads(store: ObjectStore, prefix: str) -> list[tuple[str, str]]:
    return [(found.key, found.upload) async for found in store.open_parts(prefix)]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_parts_in_any_order_become_one_object(stores: StoreWorld, store: ObjectStore) -> None:
    key, other = f"{stores.prefix}in/a b+ü.wav", await stores.open()
    upload = await store.begin_parts(key, content_type="audio/wav", metadata={"filename": "Gespräch.wav"})
    first, last = b"1" * PART_MIN_BYTES, b"end"
    tail = await store.put_part(key, upload, 7, pieces(b"e", b"nd"))
    second = await store.put_part(key, upload, 2, b"replaced")
    assert list(await other.parts(key, upload)) == [second, tail]
    assert (second.number, second.size_bytes, tail.number, tail.size_bytes) == (2, 8, 7, 3)
    head = await other.put_part(key, upload, 2, first)
    assert [part.number for part in await store.parts(key, upload)] == [2, 7]
    assert await keys_of(store, stores.prefix) == []
    info = await other.join_parts(key, upload, [tail, head])
    assert (info.key, info.size_bytes, info.content_type) == (key, len(first) + 3, "audio/wav")
    assert await store.get(key) == first + last
    seen = await store.head(key)
    assert (seen.etag, dict(seen.metadata)) == (info.etag, {"filename": "Gespräch.wav"})
    assert await open_uploads(store, stores.prefix) == []
    with pytest.raises(NotFound):
        await store.parts(key, upload)
    with pytest.raises(NotFound):
        await store.put_part(key, upload, 1, b"late")
    try:
        again = await store.join_parts(key, upload, [head, tail])
    except NotFound:
        return
    assert again.etag == info.etag, "a join that is repeated finds what it made, or nothing"


async def test_a_join_refuses_parts_that_are_not_what_was_stored(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    upload = await store.begin_parts(key)
    some = await store.put_part(key, upload, 1, b"small")
    more = await store.put_part(key, upload, 2, b"also small")
    for wanted in (
        [],
        [some, some],
        [some, more],
        [PartInfo(1, more.etag, more.size_bytes)],
        [PartInfo(3, more.etag, more.size_bytes)],
    ):
        with pytest.raises(Invalid) as refusal:
            await store.join_parts(key, upload, wanted)
        assert not isinstance(refusal.value, NotFound | AlreadyExists)
    for number in (0, PARTS_MAX + 1):
        with pytest.raises(Invalid):
            await store.put_part(key, upload, number, b"x")
    assert await keys_of(store, stores.prefix) == []
    assert (await store.join_parts(key, upload, [some])).size_bytes == 5
    assert await store.get(key) == b"small"


async def test_an_upload_without_parts_joins_nothing(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    upload = await store.begin_parts(key)
    assert list(await store.parts(key, upload)) == []
    with pytest.raises(Invalid) as refusal:
        await store.join_parts(key, upload, [PartInfo(1, "d" * 32, 1)])
    assert not isinstance(refusal.value, NotFound)


async def test_a_dropped_upload_is_gone(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    upload = await store.begin_parts(key)
    part = await store.put_part(key, upload, 1, b"x")
    await store.drop_parts(key, upload)
    await store.drop_parts(key, upload)
    await store.drop_parts(key, "no-such-upload")
    for work in (
        store.parts(key, upload),
        store.put_part(key, upload, 1, b"x"),
        store.join_parts(key, upload, [part]),
        store.parts(key, "../../etc"),
    ):
        with pytest.raises(NotFound):
            await work
    assert await keys_of(store, stores.prefix) == []


async def test_open_uploads_are_found_by_prefix(stores: StoreWorld, store: ObjectStore) -> None:
    names = ["in/a", "in/b", "in/b", "out/c"]
    begun = [(stores.prefix + name, await store.begin_parts(stores.prefix + name)) for name in names]
    assert len({upload for _, upload in begun}) == 4
    assert sorted(await open_uploads(store, f"{stores.prefix}in/")) == sorted(begun[:3])
    assert sorted(await open_uploads(store, stores.prefix)) == sorted(begun)
    assert await open_uploads(store, f"{stores.prefix}nowhere") == []
    times = [found.begun_at async for found in store.open_parts(stores.prefix)]
    assert all(abs(time - datetime.now(UTC)) < timedelta(minutes=1) for time in times)
    await store.drop_parts(*begun[0])
    assert sorted(await open_uploads(store, f"{stores.prefix}in/")) == sorted(begun[1:3])


async def test_one_of_many_conditional_joins_wins(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"

    async def joined(number: int) -> int | None:
        upload = await store.begin_parts(key)
        part = await store.put_part(key, upload, 1, b"%d" % number)
        try:
            await store.join_parts(key, upload, [part], if_absent=True)
        except AlreadyExists:
            await store.drop_parts(key, upload)
            return None
        return number

    winners = [number for number in await asyncio.gather(*map(joined, range(8))) if number is not None]
    assert len(winners) == 1 or (stores.joins_race and winners)
    assert await store.get(key) in [b"%d" % winner for winner in winners]
    assert await joined(8) is None
    assert await open_uploads(store, stores.prefix) == []


async def test_a_part_that_fails_half_way_is_not_there(stores: StoreWorld, store: ObjectStore) -> None:
    class Hangup(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * MIB
        raise Hangup

    key = f"{stores.prefix}k"
    upload = await store.begin_parts(key)
    with pytest.raises(Hangup):
        await store.put_part(key, upload, 1, broken())
    assert list(await store.parts(key, upload)) == []


async def test_a_large_part_passes_through_in_constant_memory(stores: StoreWorld, store: ObjectStore) -> None:
    async def body() -> AsyncIterator[bytes]:
        for number in range(64):
            yield number.to_bytes(4, "big") + bytes(MIB)

    key = f"{stores.prefix}k"
    upload = await store.begin_parts(key)
    tracemalloc.start()
    try:
        part = await store.put_part(key, upload, 1, body())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert part.size_bytes == 64 * (4 + MIB)
    assert peak_bytes < 40_000_000 < part.size_bytes
    await store.join_parts(key, upload, [part])
    assert b"".join([chunk async for chunk in store.stream(key, start=MIB, end=MIB + 12)]) == bytes(4) + (1).to_bytes(
        4, "big"
    ) + bytes(4)


async def test_whoever_has_the_urls_may_put_a_part_and_get_the_object(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}a b+ü.wav"
    upload = await store.begin_parts(key)
    url = await store.part_url(key, upload, 1, expires_s=60)
    if url is None:
        assert await store.get_url(key, expires_s=60) is None
        return
    async with httpx.AsyncClient(trust_env=False) as client:
        put = await client.put(url, content=b"from outside")
        assert put.status_code == 200
        (part,) = await store.parts(key, upload)
        assert f'"{part.etag}"' == put.headers["etag"]
        await store.join_parts(key, upload, [part])
        link = await store.get_url(key, expires_s=60, filename="Gespräch 1.wav")
        assert link is not None
        got = await client.get(link)
        assert (got.status_code, got.content) == (200, b"from outside")
        assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''Gespr%C3%A4ch%201.wav"
        assert (await client.get(link.replace("a%20b", "another"))).status_code == 403
        expired = await store.get_url(key, expires_s=1)
        assert expired is not None
        await asyncio.sleep(2.1)
        assert (await client.get(expired)).status_code == 403


async def test_a_local_file_is_of_the_version_that_was_asked_for(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    info = await store.put(key, b"first")
    async with store.local_file(key, version=info.version or info.etag) as path:
        assert path.read_bytes() == b"first"
    await store.put(key, b"second")
    for version in (info.etag, "no-such-version"):
        with pytest.raises(NotFound):
            async with store.local_file(key, version=version):
                pass


async def test_an_object_of_which_nothing_was_said_has_no_tags(stores: StoreWorld, store: ObjectStore) -> None:
    key = f"{stores.prefix}k"
    with pytest.raises(NotFound):
        await store.tags(key)
    await store.put(key, b"x")
    assert dict(await store.tags(key)) == {}
