"""Programs that come as Debian packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from glob import glob
from pathlib import Path

from filelock import FileLock

from infra.native import cache


class Missing(RuntimeError):
    """A program is not on this machine; the message says how to install it."""


def program(name: str, *, package: str, places: Sequence[str] = ()) -> Path:
    """The program ``name``: the last that is found in ``places`` (glob patterns), else on the path."""
    for pattern in places:
        found = sorted(glob(str(Path(pattern) / name)))  # noqa: PTH207 - the patterns are absolute
        if found:
            return Path(found[-1])
    on_path = shutil.which(name)
    if on_path is None:
        raise Missing(f"{name} is not on this machine; on Debian and Ubuntu: apt-get install {package}")
    return Path(on_path)


def install(packages: Sequence[str]) -> None:
    """Installs Debian packages; raises Missing where that takes another user or another system."""
    command = f"apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise Missing(f"this system has no apt-get; install what Debian calls: {' '.join(packages)}")
    if os.geteuid() != 0:
        raise Missing(f"run as root: {command}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    cache.folder().mkdir(parents=True, exist_ok=True)
    with FileLock(cache.folder() / "apt.lock"):
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run(
                ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments],  # noqa: S607
                env=quiet,
                stdout=subprocess.DEVNULL,
                check=True,
            )
