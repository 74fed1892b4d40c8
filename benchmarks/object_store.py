"""What S3Store costs beside bare boto3, in the same run on the same server.

python -m benchmarks.object_store ENDPOINT ACCESS_KEY SECRET_KEY [MEGABYTES]

Throughput of one large object up and down, and of small objects: latency one at a time, CPU a call, and
objects a second with 16 callers. boto3 moves large objects with its transfer manager and small ones in 16 threads.
"""

from __future__ import annotations

import asyncio
import io
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from polyvox.adapters.s3 import S3Options, S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MB = 1_000_000
CHUNK_BYTES = 256 * 1024
SMALL_BYTES = 2_000
SMALL_COUNT = 300
CALLERS = 16
ROUNDS = 3


def bare_client(options: S3Options) -> S3Client:
    """boto3 as it comes, but for the signature that presigned URLs need."""
    return boto3.client(
        "s3",
        endpoint_url=options.endpoint,
        aws_access_key_id=options.access_key,
        aws_secret_access_key=options.secret_key,
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, max_pool_connections=CALLERS),
    )


class Figures:
    """Lines of a table: what, bare boto3, S3Store, ratio."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float, str]] = []

    def add(self, what: str, bare: float, ours: float, unit: str) -> None:
        self.rows.append((what, bare, ours, unit))

    def show(self) -> None:
        print(f"| {'':34} | {'boto3':>9} | {'S3Store':>9} | unit | S3Store / boto3 |")
        print(f"|{'-' * 36}|{'-' * 11}|{'-' * 11}|------|-----------------|")
        for what, bare, ours, unit in self.rows:
            print(f"| {what:34} | {bare:9.2f} | {ours:9.2f} | {unit:4} | {ours / bare:15.2f} |")


async def alternating(
    bare: Callable[[], None], ours: Callable[[], Awaitable[object]], size_bytes: int
) -> tuple[float, float]:
    """Best MB/s of each, in turns, so that both meet the same machine."""
    best = [0.0, 0.0]
    for _ in range(ROUNDS):
        start_s = time.perf_counter()
        await asyncio.to_thread(bare)
        middle_s = time.perf_counter()
        await ours()
        end_s = time.perf_counter()
        for index, spent_s in enumerate((middle_s - start_s, end_s - middle_s)):
            best[index] = max(best[index], size_bytes / MB / spent_s)
    return best[0], best[1]


async def large(client: S3Client, bucket: str, store: S3Store, size_bytes: int, figures: Figures) -> None:
    data = bytes(range(256)) * (size_bytes // 256)

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), CHUNK_BYTES):
            yield data[start : start + CHUNK_BYTES]

    async def streamed() -> None:
        async for _ in store.stream("ours"):
            pass

    async def fetched() -> None:
        async with store.local_file("ours") as path:
            assert path.stat().st_size == len(data)

    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "bare")
        up = await alternating(
            lambda: client.upload_fileobj(io.BytesIO(data), bucket, "bare"),
            lambda: store.put("ours", body()),
            len(data),
        )
        figures.add("upload, stream of unknown size", *up, "MB/s")
        down = await alternating(lambda: client.download_file(bucket, "bare", target), fetched, len(data))
        figures.add("download to a file", *down, "MB/s")

    def read() -> None:
        answer = client.get_object(Bucket=bucket, Key="bare")["Body"]
        while answer.read(1 << 20):
            pass

    figures.add("download as a stream", *await alternating(read, streamed, len(data)), "MB/s")


async def small(client: S3Client, bucket: str, store: S3Store, figures: Figures) -> None:
    data = bytes(SMALL_BYTES)

    def bare_put(number: int) -> None:
        client.put_object(Bucket=bucket, Key=f"small/bare-{number}", Body=data)

    def bare_get(number: int) -> None:
        client.get_object(Bucket=bucket, Key=f"small/bare-{number}")["Body"].read()

    async def put(number: int) -> None:
        await store.put(f"small/ours-{number}", data)

    async def get(number: int) -> None:
        await store.get(f"small/ours-{number}")

    for what, bare, ours in (("put", bare_put, put), ("get", bare_get, get)):
        times: tuple[list[float], list[float]] = ([], [])
        cpu_s = [0.0, 0.0]
        for number in range(SMALL_COUNT):
            for index in (0, 1):
                start_s, start_cpu_s = time.perf_counter(), time.process_time()
                if index == 0:
                    bare(number)
                else:
                    await ours(number)
                times[index].append((time.perf_counter() - start_s) * 1000)
                cpu_s[index] += time.process_time() - start_cpu_s
        figures.add(f"{what} of 2 kB, median", *map(statistics.median, times), "ms")
        figures.add(f"{what} of 2 kB, CPU a call", *(spent / SMALL_COUNT * 1000 for spent in cpu_s), "ms")
        start_s = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as threads:
            list(threads.map(bare, range(SMALL_COUNT)))
        middle_s = time.perf_counter()
        numbers = iter(range(SMALL_COUNT))

        async def caller(work: Callable[[int], Awaitable[None]] = ours) -> None:
            for number in numbers:  # noqa: B023 - used up before the next round
                await work(number)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        end_s = time.perf_counter()
        rates = (SMALL_COUNT / (middle_s - start_s), SMALL_COUNT / (end_s - middle_s))
        figures.add(f"{what}s of 2 kB, {CALLERS} callers", *rates, "1/s")


async def measure(options: S3Options, size_bytes: int) -> None:
    bucket, figures = f"bench-{uuid.uuid4().hex[:8]}", Figures()
    client = bare_client(options)
    client.create_bucket(Bucket=bucket)
    with tempfile.TemporaryDirectory() as scratch:
        store = S3Store(options, bucket=bucket, scratch=Path(scratch))
        try:
            await large(client, bucket, store, size_bytes, figures)
            await small(client, bucket, store, figures)
        finally:
            async for info in store.list(""):
                await store.delete(info.key)
            await store.close()
            client.delete_bucket(Bucket=bucket)
    figures.show()


def main() -> None:
    endpoint, access_key, secret_key, *rest = sys.argv[1:]
    options = S3Options(endpoint=endpoint, access_key=access_key, secret_key=secret_key)
    asyncio.run(measure(options, int(rest[0] if rest else 400) * MB))


if __name__ == "__main__":
    main()
