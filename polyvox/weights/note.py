"""The note in a model's folder that says what each file was when it was last checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypedDict

from polyvox.weights.catalogue import WeightFile

NAME = ".polyvox.json"
CHUNK_BYTES = 1 << 20


class Checked(TypedDict):
    """A file as it was when its hash was taken."""

    size_bytes: int
    modified_ns: int
    sha256: str


Note = dict[str, Checked]
"""By file name."""


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def checked(path: Path, sha256: str) -> Checked:
    seen = path.stat()
    return {"size_bytes": seen.st_size, "modified_ns": seen.st_mtime_ns, "sha256": sha256}


def wanted_sha256(file: WeightFile, note: Note) -> str | None:
    """The published hash, or where that is not known the one of the first pull."""
    known = note.get(file.name)
    return file.sha256 or (known["sha256"] if known else None)


def unchanged(file: WeightFile, home: Path, note: Note) -> bool:
    """By size and time the file is the one that was checked. Does not read it."""
    known = note.get(file.name)
    if known is None or (file.sha256 and known["sha256"] != file.sha256):
        return False
    try:
        seen = (home / file.name).stat()
    except FileNotFoundError:
        return False
    return (seen.st_size, seen.st_mtime_ns) == (known["size_bytes"], known["modified_ns"])


def read(home: Path) -> Note:
    """{} where there is no note, or none that can be read: then everything is checked anew."""
    try:
        note = json.loads((home / NAME).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write(home: Path, note: Note) -> None:
    fresh = home / f"{NAME}.new"
    fresh.write_text(json.dumps(note, indent=1))
    fresh.replace(home / NAME)
