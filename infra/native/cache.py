"""The folder where fetched programs are kept: one folder a program and version, complete or absent."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def folder() -> Path:
    """``POLYVOX_NATIVE_DIR``, by default ``~/.cache/polyvox/native``."""
    named = os.environ.get("POLYVOX_NATIVE_DIR")
    return Path(named) if named else Path.home() / ".cache" / "polyvox" / "native"


def path(name: str) -> Path:
    """Where the program ``name`` is; raises FileNotFoundError with what to do when it was not fetched."""
    place = folder() / name
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is not there; run: python -m infra.native fetch")
    return place


def once(name: str, make: Callable[[Path], None]) -> Path:
    """Has ``make`` fill a new folder, which becomes ``name`` when it is complete; nothing to do when it is there.

    Other processes that want the same wait until it is made.
    """
    place = folder() / name
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f"{name}.lock")):
        if not place.is_dir():
            making = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".part", dir=place.parent))
            try:
                make(making)
                # Servers of other users (PostgreSQL's, when this is root) may read it.
                making.chmod(0o755)
                making.rename(place)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return place
