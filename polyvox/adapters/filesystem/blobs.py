"""Blobs: writing bytes, giving them out, removing what crashed processes left. Blocking.

A process holds an flock on what it is writing or reading, which ends with the process however it
ends. So what a dead process left can be told from what a living one is still busy with.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LEFTOVER_AGE_S = 60.0
"""A file younger than this may have been made by a process that has not locked it yet."""
READ_ONLY = 0o444
COPY_BYTES = 1 << 20

_NO_SHARING = frozenset((errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL))
"""Some file systems cannot copy within the kernel; then nothing was copied yet."""


def blob_path(root: Path, blob: str) -> Path:
    return root / "blobs" / blob[:2] / blob


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Incoming:
    """Bytes on their way in. Calls may come from several threads; none does anything after the end."""

    def __init__(self, root: Path) -> None:
        self.blob = uuid.uuid4().hex
        self.size_bytes = 0
        self._root = root
        self._path = root / "incoming" / self.blob
        self._digest = hashlib.md5(usedforsecurity=False)
        self._named: str | None = None
        self._turn = threading.Lock()
        self._file = self._path.open("xb")
        self._ended = False
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @property
    def etag(self) -> str:
        return self._named or self._digest.hexdigest()

    def write(self, data: bytes | bytearray) -> None:
        with self._turn:
            if not self._ended:
                self._file.write(data)
                self._digest.update(data)
                self.size_bytes += len(data)

    def append(self, path: Path) -> None:
        """The bytes of a file; on file systems that can share them, without a copy."""
        with path.open("rb") as source, self._turn:
            if self._ended:
                raise InterruptedError("the put was given up")
            self._file.flush()
            try:
                while os.copy_file_range(source.fileno(), self._file.fileno(), COPY_BYTES):
                    pass
            except OSError as error:
                if error.errno not in _NO_SHARING:
                    raise
                shutil.copyfileobj(source, self._file, COPY_BYTES)
            self.size_bytes = self._file.seek(0, os.SEEK_END)

    def name_by_parts(self, etags: Sequence[str]) -> None:
        """The ETag of what was appended, as S3 makes it of those of its parts."""
        digests = b"".join(bytes.fromhex(etag) for etag in etags)
        self._named = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(etags)}"

    def seal(self) -> None:
        """No more bytes; those written are on the disk."""
        with self._turn:
            if not self._ended:
                self._file.flush()
                os.fchmod(self._file.fileno(), READ_ONLY)
                os.fsync(self._file.fileno())

    def keep(self) -> None:
        """Move the bytes to their place among the blobs."""
        target = blob_path(self._root, self.blob)
        target.parent.mkdir(exist_ok=True)
        self.move_to(target)

    def move_to(self, target: Path) -> None:
        with self._turn:
            if self._ended:
                raise InterruptedError("the put was given up")
            self._path.replace(target)
            self._ended = True
            self._file.close()
        sync_folder(target.parent)

    def discard(self) -> None:
        """Leave nothing behind, unless the bytes were kept."""
        with self._turn:
            if self._ended:
                return
            self._ended = True
            self._path.unlink(missing_ok=True)
            with suppress(OSError):
                # Closing writes what is buffered, for which a full disk has no room; the file is gone.
                self._file.close()


@contextmanager
def changing(root: Path, key: bytes) -> Iterator[None]:
    """The right to change what ``key`` stands for, among all threads and processes."""
    stripe = hashlib.md5(key, usedforsecurity=False).hexdigest()[:2]
    with (root / "locks" / stripe).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Pin:
    """A second link of a blob, which outlives the object. Raises FileNotFoundError without the blob."""

    def __init__(self, root: Path, blob: str) -> None:
        self.path = root / "pins" / f"{int(time.time())}-{uuid.uuid4().hex}"
        self.path.hardlink_to(blob_path(root, blob))
        self._descriptor = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def remove_leftovers(root: Path) -> None:
    """Remove what processes left that died while they wrote or read."""
    oldest_s = time.time() - LEFTOVER_AGE_S
    for path in (root / "incoming").iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest_s:
                _remove_unlocked(path)
    for path in (root / "pins").iterdir():
        # A link has the times of its blob, so its own is in its name.
        if int(path.name.partition("-")[0]) < oldest_s:
            with suppress(FileNotFoundError):
                _remove_unlocked(path)


def _remove_unlocked(path: Path) -> None:
    with path.open("rb") as file, suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
