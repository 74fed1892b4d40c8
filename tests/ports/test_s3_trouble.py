"""What befalls the S3 store: servers that die, connections that break, credentials and buckets that are wrong."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from infra.native import Minio, Proxy, SeaweedFS, Toxiproxy
from polyvox.adapters.s3 import S3Store
from polyvox.errors import AlreadyExists, NotFound, Unavailable
from tests.support.buckets import new_bucket, options_of
from tests.support.children import child
from tests.support.polling import until

MIB = 1 << 20
CHILD = "tests.support.s3_child"


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """One that may be killed."""
    with Minio(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture
def proxy(toxiproxy: Toxiproxy, minio: Minio) -> Iterator[Proxy]:
    proxy = toxiproxy.proxy("s3-trouble", minio.endpoint.removeprefix("http://"))
    yield proxy
    proxy.remove()


@pytest.fixture
async def troubled(minio: Minio, proxy: Proxy, tmp_path: Path) -> AsyncIterator[S3Store]:
    """A store behind the proxy."""
    options = options_of(minio, endpoint=f"http://{proxy.address}", read_timeout_s=2.0)
    store = S3Store(options, bucket=new_bucket(minio), scratch=tmp_path)
    yield store
    await store.close()


def letters(count: int) -> bytes:
    """As many bytes, no two MiB alike."""
    return b"".join(number.to_bytes(4, "big") * (MIB // 4) for number in range(count // MIB))


async def test_a_server_killed_in_an_upload_comes_back_to_nothing_half_stored(minio: Minio, tmp_path: Path) -> None:
    bucket = new_bucket(minio)
    store = S3Store(options_of(minio, attempts=2), bucket=bucket, scratch=tmp_path)
    await store.put("before", b"acknowledged")

    async def body() -> AsyncIterator[bytes]:
        for number in range(64):
            if number == 40:
                await asyncio.to_thread(minio.kill)
            yield bytes([number]) * MIB

    with pytest.raises(Unavailable):
        await store.put("big", body())
    await asyncio.to_thread(minio.start)
    assert [info.key async for info in store.list("")] == ["before"]
    assert await store.get("before") == b"acknowledged"
    for left in [left async for left in store.open_parts("")]:
        await store.drop_parts(left.key, left.upload)
    assert [left async for left in store.open_parts("")] == []
    await store.put("big", letters(20 * MIB))
    assert (await store.head("big")).size_bytes == 20 * MIB
    await store.close()


async def test_an_upload_outlives_a_restart_of_the_server(minio: Minio, tmp_path: Path) -> None:
    """The requests that fail meanwhile are sent again."""
    store = S3Store(options_of(minio, attempts=10), bucket=new_bucket(minio), scratch=tmp_path)
    data = letters(40 * MIB)

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), MIB):
            if start == 20 * MIB:
                await asyncio.to_thread(minio.kill)
                restarting.append(asyncio.create_task(asyncio.to_thread(minio.start)))
            yield data[start : start + MIB]

    restarting: list[asyncio.Task[Minio]] = []
    await store.put("k", body())
    assert await store.get("k") == data
    await asyncio.gather(*restarting)
    await store.close()


async def test_a_stream_that_breaks_goes_on_where_it_was(troubled: S3Store, proxy: Proxy) -> None:
    data = letters(32 * MIB)
    await troubled.put("k", data)
    found = bytearray()
    async for chunk in troubled.stream("k"):
        if len(found) in (MIB, 12 * MIB):
            await asyncio.to_thread(proxy.down)
            await asyncio.to_thread(proxy.up)
        found += chunk
    assert found == data
    part = bytearray()
    async for chunk in troubled.stream("k", start=5, end=30 * MIB - 7):
        if len(part) == 2 * MIB:
            await asyncio.to_thread(proxy.down)
            await asyncio.to_thread(proxy.up)
        part += chunk
    assert part == data[5 : 30 * MIB - 7]


async def test_a_stream_that_breaks_does_not_go_on_with_another_version(
    minio: Minio, proxy: Proxy, tmp_path: Path
) -> None:
    bucket = new_bucket(minio)
    direct = S3Store(options_of(minio), bucket=bucket, scratch=tmp_path)
    options = options_of(minio, endpoint=f"http://{proxy.address}", read_timeout_s=2.0, attempts=10)
    store = S3Store(options, bucket=bucket, scratch=tmp_path)
    await direct.put("k", letters(32 * MIB))
    stream = store.stream("k")
    await anext(stream)
    await asyncio.to_thread(proxy.down)
    await direct.put("k", letters(32 * MIB)[::-1])
    await asyncio.to_thread(proxy.up)
    with pytest.raises(NotFound):
        async for _ in stream:
            pass
    await store.close()
    await direct.close()


async def test_a_local_file_is_whole_although_connections_break(minio: Minio, proxy: Proxy, tmp_path: Path) -> None:
    options = options_of(minio, endpoint=f"http://{proxy.address}", read_timeout_s=2.0, attempts=10)
    store, data = S3Store(options, bucket=new_bucket(minio), scratch=tmp_path), letters(48 * MIB)
    await store.put("k", data)
    await asyncio.to_thread(proxy.bandwidth, 20_000)

    async def cut() -> None:
        for _ in range(2):
            await until(lambda: any(path.stat().st_blocks for path in scratch_files(tmp_path)))
            await asyncio.to_thread(proxy.down)
            await asyncio.to_thread(proxy.up)
        await asyncio.to_thread(proxy.clear)

    cutting = asyncio.create_task(cut())
    async with store.local_file("k") as path:
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
        assert path.stat().st_mode & 0o777 == 0o444
        await cutting
    assert scratch_files(tmp_path) == []
    await store.close()


async def test_a_server_that_is_away_is_waited_for(troubled: S3Store, proxy: Proxy) -> None:
    await asyncio.to_thread(proxy.down)
    for work in (troubled.get("k"), troubled.put("k", b"x"), troubled.head("k"), anext(aiter(troubled.list("")))):
        with pytest.raises(Unavailable):
            await work


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"access_key": "nobody"}, "POLYVOX_S3_ACCESS_KEY"),
        ({"secret_key": "no secret"}, "POLYVOX_S3_SECRET_KEY"),
    ],
)
async def test_wrong_credentials_wait_for_the_operator_and_say_which_setting(
    minio_server: Minio, seaweedfs_server: SeaweedFS, tmp_path: Path, wrong: dict[str, str], advice: str
) -> None:
    for server in (minio_server, seaweedfs_server):
        store = S3Store(replace(options_of(server), **wrong), bucket=new_bucket(server), scratch=tmp_path)
        await refused(store, advice)
        await store.close()


async def test_a_missing_bucket_is_no_missing_object(
    minio_server: Minio, seaweedfs_server: SeaweedFS, tmp_path: Path
) -> None:
    for server in (minio_server, seaweedfs_server):
        store = S3Store(options_of(server), bucket="no-such-bucket", scratch=tmp_path)
        with pytest.raises(Unavailable, match="POLYVOX_S3_BUCKET"):
            await store.head("k")
        with pytest.raises(Unavailable, match="POLYVOX_S3_BUCKET"):
            await store.get("k")
        with pytest.raises(Unavailable, match="POLYVOX_S3_BUCKET"):
            await anext(aiter(store.list("")))
        await store.close()


async def refused(store: S3Store, advice: str) -> None:
    for work in (store.get("k"), store.put("k", b"x"), store.head("k"), anext(aiter(store.list("")))):
        with pytest.raises(Unavailable, match=advice):
            await work


async def test_of_sixteen_puts_at_once_one_wins_small_or_large(
    minio_server: Minio, seaweedfs_server: SeaweedFS, tmp_path: Path
) -> None:
    for server, size_bytes in ((minio_server, 10), (minio_server, 9 * MIB), (seaweedfs_server, 10)):
        store = S3Store(options_of(server), bucket=new_bucket(server), scratch=tmp_path)

        async def put(number: int, store: S3Store = store, size_bytes: int = size_bytes) -> int | None:
            try:
                await store.put("k", bytes([number]) * size_bytes, if_absent=True)
            except AlreadyExists:
                return None
            return number

        (winner,) = [number for number in await asyncio.gather(*map(put, range(16))) if number is not None]
        assert set(await store.get("k")) == {winner}
        assert [left async for left in store.open_parts("")] == []
        await store.close()


async def test_a_conditional_put_whose_answer_was_lost_has_won(minio: Minio, proxy: Proxy, tmp_path: Path) -> None:
    """The request is sent again and meets its own effect, which is no other's."""
    bucket = new_bucket(minio)
    direct = S3Store(options_of(minio), bucket=bucket, scratch=tmp_path)
    options = options_of(minio, endpoint=f"http://{proxy.address}", attempts=10)
    store = S3Store(options, bucket=bucket, scratch=tmp_path)
    for key, data in (("small", b"mine"), ("large", letters(9 * MIB))):
        await asyncio.to_thread(proxy.latency, 1000)
        putting = asyncio.create_task(store.put(key, data, if_absent=True))

        async def stored(key: str = key) -> bool:
            return [info.key async for info in direct.list(key)] == [key]

        await until(stored)
        # The answer is still on its way.
        await asyncio.to_thread(proxy.down)
        await asyncio.to_thread(proxy.clear)
        assert (await putting).etag == (await direct.head(key)).etag
        with pytest.raises(AlreadyExists):
            await store.put(key, b"another's", if_absent=True)
    await store.close()
    await direct.close()


async def test_a_large_stream_leaves_memory_flat(minio_server: Minio, tmp_path: Path) -> None:
    store = S3Store(options_of(minio_server), bucket=new_bucket(minio_server), scratch=tmp_path)
    await store.put("warm", letters(40 * MIB))
    async for _ in store.stream("warm"):
        pass
    process, peak_bytes = psutil.Process(), 0
    before_bytes = process.memory_info().rss
    block = letters(MIB)

    async def body() -> AsyncIterator[bytes]:
        nonlocal peak_bytes
        for _ in range(300):
            peak_bytes = max(peak_bytes, process.memory_info().rss)
            yield block

    await store.put("k", body())
    size_bytes = 0
    async for chunk in store.stream("k"):
        size_bytes += len(chunk)
        peak_bytes = max(peak_bytes, process.memory_info().rss)
    assert size_bytes == 300 * MIB
    assert peak_bytes - before_bytes < 60 * MIB
    await store.delete("k")
    await store.close()


async def test_what_a_killed_process_left_in_its_scratch_folder_goes(minio_server: Minio, tmp_path: Path) -> None:
    bucket, scratch = new_bucket(minio_server), tmp_path / "scratch"
    store = S3Store(options_of(minio_server), bucket=bucket, scratch=scratch)
    await store.put("k", letters(2 * MIB))
    arguments = (minio_server.endpoint, minio_server.access_key, minio_server.secret_key, bucket, "k", scratch)
    async with child(CHILD, *arguments) as dying, child(CHILD, *arguments) as living:
        await dying.line("holding")
        (_, kept) = await living.line("holding")
        await dying.kill()
        assert len(scratch_files(scratch)) == 2
        async with store.local_file("k") as path:
            assert sorted(scratch_files(scratch)) == sorted([path, Path(kept)])
        await living.kill()
    await store.close()


def scratch_files(scratch: Path) -> list[Path]:
    return [path for path in scratch.glob("s3/*/*") if path.name != "held"]
