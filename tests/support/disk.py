"""A disk of a folder's own that can be full at once, and empty again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

SIZE_MIB = 8192
"""More than anything here writes; memory is only taken by what lies there."""
ATTEMPTS = 50


class Disk:
    """A tmpfs mounted at ``folder``: to mount one needs the rights of root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """No byte more goes onto it; what is there can be read, removed and written over."""
        for attempt in range(ATTEMPTS):
            used_kib = -(-psutil.disk_usage(str(self.folder)).used // 1024)
            try:
                self._mount("remount", f"size={max(used_kib, 4)}k")
            except subprocess.CalledProcessError:
                # Somebody wrote more meanwhile.
                if attempt + 1 == ATTEMPTS:
                    raise
            else:
                return

    def empty(self) -> None:
        """There is room again."""
        self._mount("remount", f"size={SIZE_MIB}m")

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._mount(f"size={SIZE_MIB}m")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Lazily: a process that has just been told to end may still hold a file.
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _mount(self, *options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", ",".join([*options, "mode=755"]), "tmpfs", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)


def can_mount(folder: Path) -> bool:
    """Whether this process may mount disks."""
    try:
        with Disk(folder):
            return True
    except (subprocess.CalledProcessError, OSError):
        return False
