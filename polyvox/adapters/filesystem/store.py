"""The ObjectStore port."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from polyvox.adapters.filesystem import folder, listing
from polyvox.adapters.filesystem import parts as partwise
from polyvox.adapters.filesystem.blobs import Incoming, Pin
from polyvox.adapters.object_keys import key_bytes
from polyvox.errors import Invalid, Transient, Unavailable
from polyvox.ports import Body, ObjectInfo, OpenParts, PartInfo

THREADS = 8
WRITE_BYTES = 1 << 20
"""Small chunks of a body are collected to this size before a thread writes them."""
LISTED_PER_STEP = 200

_DISK_TROUBLE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE)
)

T = TypeVar("T")


class FolderStore:
    """ObjectStore in ``root``, a folder that the first call creates, together with its parents.

    Every call raises Transient for trouble with the disk (Unavailable where it is the whole disk's:
    full, say), Invalid for a key that is empty or longer than 1,024 bytes, and Fatal when a name's
    file was damaged. The first call also removes what crashed processes left; what living ones are
    busy with is locked and stays.

    Args:
        root: on a local disk; any number of processes may share it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="polyvox-store")
        self._prepared = False
        self._preparing = threading.Lock()

    async def put(
        self,
        key: str,
        body: Body,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_absent: bool = False,
    ) -> ObjectInfo:
        about = (content_type, dict(metadata or {}))
        return await self._taken_in(body, partial(_published, self._root, key_bytes(key), about, if_absent))

    async def get(self, key: str) -> bytes:
        return await self._run(partial(_read_all, self._root, key_bytes(key)))

    async def stream(
        self, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = 1 << 20
    ) -> AsyncIterator[bytes]:
        """The bytes as they were at the first step, even if the object is replaced or removed meanwhile."""
        opening = partial(folder.open_object, self._root, key_bytes(key))
        info, file = await self._run(opening, undo=lambda opened: opened[1].close())
        try:
            stop = info.size_bytes if end is None else min(end, info.size_bytes)
            position = start
            while position < stop:
                chunk = await self._run(partial(_read_at, file, position, min(chunk_bytes, stop - position)))
                if not chunk:
                    raise Transient(f"{key} is shorter on the disk than when it was stored")
                position += len(chunk)
                yield chunk
        finally:
            file.close()

    async def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        raw_key = key_bytes(key)
        name = await self._run(partial(folder.look_up, self._root, raw_key))
        if name is None or version not in (None, name.info.etag):
            raise folder.not_found(raw_key)
        return name.info

    async def list(self, prefix: str, *, start_after: str = "") -> AsyncIterator[ObjectInfo]:
        # Half a surrogate pair is in no key, so such a prefix finds nothing.
        wanted, after = (text.encode(errors="surrogatepass") for text in (prefix, start_after))
        found = listing.walk(self._root, wanted, after)
        while True:
            some = await self._run(lambda: tuple(islice(found, LISTED_PER_STEP)))
            for info in some:
                yield info
            if len(some) < LISTED_PER_STEP:
                return

    async def delete(self, key: str) -> None:
        await self._run(partial(folder.remove, self._root, key_bytes(key)))

    @asynccontextmanager
    async def local_file(self, key: str, *, version: str | None = None) -> AsyncIterator[Path]:
        pin = await self._run(partial(folder.pin_object, self._root, key_bytes(key), version), undo=Pin.release)
        try:
            yield pin.path
        finally:
            await self._run(pin.release)

    async def begin_parts(
        self,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        return await self._run(partial(partwise.begin, self._root, key_bytes(key), content_type, metadata or {}))

    async def put_part(self, key: str, upload: str, number: int, body: Body) -> PartInfo:
        keep = partial(partwise.keep_part, self._root, key_bytes(key), upload, partwise.checked_number(number))
        return await self._taken_in(body, keep)

    async def parts(self, key: str, upload: str) -> Sequence[PartInfo]:
        return await self._run(partial(partwise.parts, self._root, key_bytes(key), upload))

    async def join_parts(
        self, key: str, upload: str, parts: Sequence[PartInfo], *, if_absent: bool = False
    ) -> ObjectInfo:
        return await self._taken_in(b"", partial(partwise.join, self._root, key_bytes(key), upload, parts, if_absent))

    async def drop_parts(self, key: str, upload: str) -> None:
        await self._run(partial(partwise.drop, self._root, key_bytes(key), upload))

    async def open_parts(self, prefix: str) -> AsyncIterator[OpenParts]:
        for found in await self._run(partial(partwise.still_open, self._root, prefix)):
            yield found

    async def part_url(self, key: str, upload: str, number: int, *, expires_s: int) -> None:
        """None: bytes go through the API."""

    async def get_url(self, key: str, *, expires_s: int, filename: str | None = None) -> None:
        """None: bytes go through the API."""

    async def tags(self, key: str, *, version: str | None = None) -> Mapping[str, str]:
        """None are kept."""
        await self.head(key, version=version)
        return {}

    async def close(self) -> None:
        """Waits for what the threads are doing."""
        await asyncio.to_thread(self._executor.shutdown)

    async def _taken_in(self, body: Body, keep: Callable[[Incoming], T]) -> T:
        """What ``keep`` returns for the bytes of ``body``, of which nothing is left when anything fails."""
        if isinstance(body, bytes):
            # All in one go: small objects are most, and each change of threads costs as much as the writing.
            return await self._run(partial(_kept, self._root, body, keep))
        incoming = await self._run(partial(Incoming, self._root), undo=Incoming.discard)
        try:
            await self._write_all(incoming, body)
            return await self._run(partial(keep, incoming))
        finally:
            # Also when this task is cancelled while one of the threads still writes.
            await self._run(incoming.discard)

    async def _write_all(self, incoming: Incoming, body: AsyncIterable[bytes]) -> None:
        waiting = bytearray()
        async for chunk in body:
            waiting += chunk
            if len(waiting) >= WRITE_BYTES:
                await self._run(partial(incoming.write, waiting))
                waiting = bytearray()
        await self._run(partial(incoming.write, waiting))

    async def _run(self, work: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
        """What ``work`` returns; ``undo`` takes it back when the caller was cancelled and never got it."""
        job = asyncio.get_running_loop().run_in_executor(self._executor, self._prepared_run, work)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            job.add_done_callback(partial(_take_back, undo))
            raise

    def _prepared_run(self, work: Callable[[], T]) -> T:
        try:
            with self._preparing:
                if not self._prepared:
                    folder.prepare(self._root)
                    partwise.remove_leftovers(self._root)
                    self._prepared = True
            return work()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise Invalid("the object key makes a path too long for this machine", code="bad-key") from error
            # What concerns the disk as a whole is waited for; anything else may be this one object's fault.
            kind = Unavailable if error.errno in _DISK_TROUBLE else Transient
            raise kind(f"the store in {self._root} cannot be used right now: {error}") from error


def _take_back(undo: Callable[[T], object] | None, job: asyncio.Future[T]) -> None:
    if not job.cancelled() and job.exception() is None and undo is not None:
        undo(job.result())


def _kept(root: Path, body: bytes, keep: Callable[[Incoming], T]) -> T:
    incoming = Incoming(root)
    try:
        incoming.write(body)
        return keep(incoming)
    finally:
        incoming.discard()


def _published(
    root: Path, key: bytes, about: tuple[str, dict[str, str]], if_absent: bool, incoming: Incoming
) -> ObjectInfo:
    return folder.publish(root, key, incoming, *about, if_absent=if_absent)


def _read_all(root: Path, key: bytes) -> bytes:
    _, file = folder.open_object(root, key)
    with file:
        return file.read()


def _read_at(file: BinaryIO, position: int, size_bytes: int) -> bytes:
    file.seek(position)
    return file.read(size_bytes)
