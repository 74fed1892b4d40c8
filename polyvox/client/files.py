"""A file on its way to a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

Progress = Callable[[int, int], None]
"""Called with bytes sent and bytes in all."""


class ProgressFile:
    """A file that tells how much of it was read, and is never held whole.

    It ends where it ended when it was opened: a recording that is still being written would
    otherwise outgrow the length that the server was told.
    """

    def __init__(self, path: Path, progress: Progress | None) -> None:
        self.size_bytes = path.stat().st_size
        self._file: IO[bytes] = path.open("rb")
        self._progress = progress

    def read(self, size_bytes: int) -> bytes:
        left_bytes = max(self.size_bytes - self._file.tell(), 0)
        data = self._file.read(min(size_bytes, left_bytes))
        if data and self._progress:
            self._progress(self._file.tell(), self.size_bytes)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
