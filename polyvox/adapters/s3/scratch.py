"""Files that go with the process. Blocking.

Each store has a folder of its own and holds an flock in it, which ends with the process however it ends.
So the next one can tell what a dead process left from what a living one is busy with.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from polyvox.errors import Transient, Unavailable

_DISK_TROUBLE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM))


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """OSError as Transient, or Unavailable where the whole disk is concerned."""
    try:
        yield
    except OSError as error:
        kind = Unavailable if error.errno in _DISK_TROUBLE else Transient
        raise kind(f"the scratch folder {folder} cannot be used right now: {error}") from error


class Scratch:
    """Scratch files in a folder of this process below ``root``, which is made by the first."""

    def __init__(self, root: Path) -> None:
        self._root = root / "s3"
        self._own: Path | None = None
        self._held: BinaryIO | None = None
        self._turn = threading.Lock()

    def new_file(self) -> Path:
        """An empty file. The first call also removes what dead processes left."""
        with disk_errors(self._root), self._turn:
            if self._own is None:
                self._own = self._move_in()
            path = self._own / uuid.uuid4().hex
            path.touch()
            return path

    def close(self) -> None:
        with self._turn:
            if self._own is not None and self._held is not None:
                shutil.rmtree(self._own, ignore_errors=True)
                self._held.close()
            self._own = self._held = None

    def _move_in(self) -> Path:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / "door").open("ab") as door:
            # Nobody is between making a folder and holding it while another looks for those that nobody holds.
            fcntl.flock(door, fcntl.LOCK_EX)
            for other in self._root.iterdir():
                if other.is_dir() and not _is_held(other):
                    shutil.rmtree(other, ignore_errors=True)
            own = self._root / uuid.uuid4().hex
            own.mkdir()
            self._held = (own / "held").open("xb")
            fcntl.flock(self._held, fcntl.LOCK_EX)
        return own


def _is_held(folder: Path) -> bool:
    try:
        with (folder / "held").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def write_at(descriptor: int, data: bytes, position: int) -> None:
    """All of ``data``, whatever the system takes at a time."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view, position = view[written:], position + written
