"""Walking the names in key order. Blocking, but a step at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from polyvox.adapters.filesystem import names
from polyvox.adapters.filesystem.folder import read_name
from polyvox.ports import ObjectInfo


@dataclass(frozen=True, slots=True)
class _Entry:
    """One object, or one folder of objects whose keys all start with ``key``, which ends in a slash."""

    key: bytes
    path: Path
    is_object: bool


def walk(root: Path, prefix: bytes, start_after: bytes) -> Iterator[ObjectInfo]:
    """Objects under ``prefix`` after ``start_after``, in the order of their keys' bytes.

    Holds the names of the folders on the way in memory, one level of each.
    """
    key, path = names.folder_path(prefix)
    waiting = [_Entry(key, root / "names" / path, is_object=False)]
    while waiting:
        entry = waiting.pop()
        if entry.is_object:
            found = read_name(entry.path, entry.key)
            if found is not None:
                yield found.info
            continue
        children = [child for child in _children(entry.path, entry.key) if _wanted(child, prefix, start_after)]
        # A folder's key ends in a slash, so it comes after what sorts before the slash: a, a!, a/b.
        waiting.extend(sorted(children, key=lambda child: child.key, reverse=True))


def _wanted(entry: _Entry, prefix: bytes, start_after: bytes) -> bool:
    if entry.is_object:
        return entry.key.startswith(prefix) and entry.key > start_after
    inside = entry.key.startswith(prefix) or prefix.startswith(entry.key)
    return inside and (entry.key > start_after or start_after.startswith(entry.key))


def _children(folder: Path, key: bytes) -> Iterator[_Entry]:
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        # Removed since it was seen, or a file that is none of ours.
        return
    for name in found:
        path = folder / name
        if name.endswith(names.CONTINUED):
            yield from _children(path, key + names.name_bytes(name[: -len(names.CONTINUED)]))
        elif name.endswith(names.OBJECT):
            yield _Entry(key + names.name_bytes(name[: -len(names.OBJECT)]), path, is_object=True)
        else:
            yield _Entry(key + names.name_bytes(name) + b"/", path, is_object=False)
