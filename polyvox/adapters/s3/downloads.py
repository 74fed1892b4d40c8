"""Bytes that arrive although connections break.

A stream that ends early goes on by range, pinned to the version that it began with.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import threading
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from botocore.exceptions import BotoCoreError, ClientError

from polyvox.adapters.s3 import crc
from polyvox.adapters.s3.bucket import Bucket
from polyvox.adapters.s3.failures import status_of
from polyvox.adapters.s3.scratch import Scratch, disk_errors, write_at
from polyvox.adapters.s3.versions import found, pin_of
from polyvox.errors import Transient, Unavailable

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client

READ_BYTES = 1 << 20
"""Taken from a connection by one turn of a thread, at least, where there is so much."""
STREAM_BYTES = 4 << 20
"""The same after the first turn of a stream: changes of thread cost as much as a megabyte."""
RANGE_BYTES = 8 << 20
"""Larger files come in ranges of this size, several at a time."""
RESUMES = 5
"""How often in a row a download may break without a byte in between."""
PAUSE_S = 0.2

_BROKEN = (BotoCoreError, urllib3.exceptions.HTTPError, OSError)


class Download:
    """Bytes ``start`` up to ``end`` of one object, in one thread after the other. Blocking.

    Args:
        pin: IfMatch or VersionId, when the version is known already.
    """

    def __init__(
        self, bucket: Bucket, key: str, *, start: int = 0, end: int | None = None, pin: Mapping[str, str] | None = None
    ) -> None:
        self.position = start
        self.ended = False
        self._bucket = bucket
        self._key = key
        self._end = end
        self._pin = dict(pin or {})
        self._body: StreamingBody | None = None
        self._expected: int | None = None
        self._crc = 0
        self._stop = 0
        self._turn = threading.Lock()

    def read(self, size_bytes: int) -> bytes:
        """The next ``size_bytes``, fewer only at the end. Raises NotFound, also when the version is gone."""
        with self._turn:
            return self._bucket.asked(partial(self._read, size_bytes), self._key)

    def rest(self) -> bytes:
        """All that is left; b"" from where another thread closes it."""
        return b"".join(iter(partial(self.read, READ_BYTES), b""))

    def close(self) -> None:
        """Waits for what a thread is reading."""
        with self._turn:
            self.ended = True
            self._drop()

    def _read(self, size_bytes: int, client: S3Client) -> bytes:
        broken = 0
        while not self.ended:
            if self._body is None:
                # Its own troubles botocore has tried again by itself.
                self._open(client)
                continue
            try:
                data = self._body.read(size_bytes)
                if not data and self.position < self._stop:
                    raise ConnectionError("the connection was closed")
            except _BROKEN as error:
                self._drop()
                broken += 1
                if broken > RESUMES:
                    raise Unavailable(f"{self._key} breaks off at byte {self.position}: {error}") from error
                time.sleep(PAUSE_S * 2 ** (broken - 1))
                continue
            self._take(data)
            return data
        return b""

    def _open(self, client: S3Client) -> None:
        asked: dict[str, Any] = {**self._bucket.at(self._key), **self._pin}
        if self._end is not None:
            asked["Range"] = f"bytes={self.position}-{self._end - 1}"
        elif self.position:
            asked["Range"] = f"bytes={self.position}-"
        else:
            asked["ChecksumMode"] = "ENABLED"
        try:
            answer = client.get_object(**asked)
        except ClientError as error:
            if status_of(error) == 416:
                # The object is there, and ends before the range.
                self.ended = True
                return
            raise
        self._body = answer["Body"]
        if not self._pin:
            self._pin = pin_of(answer)
        if "Range" not in asked:
            self._expected = whole_crc(answer)
        self._stop = self.position + answer["ContentLength"]

    def _take(self, data: bytes) -> None:
        self.position += len(data)
        if self._expected is not None:
            self._crc = zlib.crc32(data, self._crc)
        if self.position < self._stop:
            return
        self.ended = True
        self._drop()
        if self._expected is not None and self._expected != self._crc:
            raise Transient(f"{self._key} was damaged on its way from the store")

    def _drop(self) -> None:
        if self._body is not None:
            with suppress(*_BROKEN):
                self._body.close()
            self._body = None


async def stream(bucket: Bucket, key: str, start: int, end: int | None, chunk_bytes: int) -> AsyncIterator[bytes]:
    """One block is read ahead while the caller is busy with another."""
    if end is not None and end <= start:
        # No range says so; and what is missing must be missed.
        await bucket.ask(lambda client: bucket.head(client, key), key)
        return
    first_bytes, next_bytes = (chunk_bytes * max(1, size // chunk_bytes) for size in (READ_BYTES, STREAM_BYTES))
    download = Download(bucket, key, start=start, end=end)
    reading = bucket.connection.start(partial(download.read, first_bytes))
    try:
        while block := await asyncio.shield(reading):
            more = not download.ended
            if more:
                reading = bucket.connection.start(partial(download.read, next_bytes))
            for position in range(0, len(block), chunk_bytes):
                # All of a block is itself, without a copy.
                yield block[position : position + chunk_bytes]
            if not more:
                return
    finally:
        if not download.ended:
            await bucket.connection.tidy(_closed(bucket, download, reading))


async def _closed(bucket: Bucket, download: Download, reading: asyncio.Future[bytes]) -> None:
    await asyncio.wait([reading])
    if not reading.cancelled():
        # Nobody is left who wants to know.
        reading.exception()
    await bucket.connection.start(download.close)


async def get(bucket: Bucket, key: str) -> bytes:
    """In one turn of a thread: most are small."""
    download = Download(bucket, key)
    try:
        return await bucket.connection.run(download.rest)
    except asyncio.CancelledError:
        bucket.connection.start(download.close)
        raise


@asynccontextmanager
async def local_file(bucket: Bucket, scratch: Scratch, key: str, version: str | None) -> AsyncIterator[Path]:
    answer = await bucket.ask(partial(found, bucket, key, version), key)
    path = await bucket.connection.run(scratch.new_file, undo=Path.unlink)
    try:
        await _fetch(bucket, key, answer, path)
        await bucket.connection.run(partial(_check, path, key, whole_crc(answer)))
        yield path
    finally:
        await bucket.connection.tidy(_removed(bucket, path))


async def _fetch(bucket: Bucket, key: str, answer: Mapping[str, Any], path: Path) -> None:
    """All ranges, several at a time. Returns only when no thread writes to the file any more."""
    size_bytes, pin, stopping = answer["ContentLength"], pin_of(answer), threading.Event()
    starts = iter(range(0, size_bytes, RANGE_BYTES))

    def work() -> None:
        with disk_errors(path.parent):
            descriptor = os.open(path, os.O_WRONLY)
        try:
            # Each of the threads takes the next range until there are none: one step of an iterator is atomic.
            for start in starts:
                end = min(start + RANGE_BYTES, size_bytes)
                download = Download(bucket, key, start=start, end=end, pin=pin)
                try:
                    position = start
                    while not stopping.is_set() and (data := download.read(READ_BYTES)):
                        with disk_errors(path.parent):
                            write_at(descriptor, data, position)
                        position += len(data)
                finally:
                    download.close()
                if stopping.is_set():
                    return
        except BaseException:
            stopping.set()
            raise
        finally:
            os.close(descriptor)

    threads = min(bucket.connection.options.parts_at_once, -(-size_bytes // RANGE_BYTES))
    jobs = [bucket.connection.start(work) for _ in range(threads)]
    try:
        await asyncio.shield(asyncio.gather(*jobs))
    finally:
        stopping.set()
        await bucket.connection.tidy(_finished(jobs))


async def _finished(jobs: list[asyncio.Future[None]]) -> None:
    await asyncio.gather(*jobs, return_exceptions=True)


async def _removed(bucket: Bucket, path: Path) -> None:
    await bucket.connection.start(partial(path.unlink, missing_ok=True))


def _check(path: Path, key: str, expected: int | None) -> None:
    """Raises Transient when the file has other bytes than were stored."""
    path.chmod(0o444)
    if expected is None or not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        whole = 0
        for start in range(0, len(data), RANGE_BYTES):
            whole = zlib.crc32(data[start : start + RANGE_BYTES], whole)
    if whole != expected:
        raise Transient(f"{key} was damaged on its way from the store")


def whole_crc(answer: Mapping[str, Any]) -> int | None:
    """The CRC-32 of the whole object where the server knows it; one made of parts' sums is none."""
    said = answer.get("ChecksumCRC32")
    return None if said is None or "-" in said else crc.of_text(said)
