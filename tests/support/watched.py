"""Whether a file was opened, by whatever code in whatever language (Linux inotify)."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_IN_OPEN = 0x20


class Watch:
    """``opened`` tells whether anything opened the file since it was asked last."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def opened(self) -> bool:
        try:
            return bool(os.read(self._descriptor, 65_536))
        except BlockingIOError:
            return False


@contextmanager
def watched(path: Path) -> Iterator[Watch]:
    if sys.platform != "linux":
        pytest.skip("only Linux tells whether a file was opened")
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(path), _IN_OPEN) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    try:
        yield Watch(descriptor)
    finally:
        os.close(descriptor)
