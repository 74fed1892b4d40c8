"""The blocking half of the store: publish, look up, open, remove."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from polyvox.adapters.filesystem import names
from polyvox.adapters.filesystem.blobs import (
    LEFTOVER_AGE_S,
    Incoming,
    Pin,
    blob_path,
    changing,
    remove_leftovers,
    sync_folder,
)
from polyvox.errors import AlreadyExists, Fatal, NotFound
from polyvox.ports import ObjectInfo

FOLDERS = ("names", "blobs", "incoming", "todo", "pins", "locks", "parts")
ATTEMPTS = 100
"""How often a race with another process is run again before it counts as trouble with the disk."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Name:
    """What a key stands for."""

    blob: str
    info: ObjectInfo


def prepare(root: Path) -> None:
    """Make the folders, finish what crashed processes began and remove what they left."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for todo in (root / "todo").iterdir():
        plan = _read_plan(todo)
        if plan is not None:
            with changing(root, plan[0]):
                _clear_up(root, todo)
    remove_leftovers(root)


def publish(
    root: Path, key: bytes, incoming: Incoming, content_type: str, metadata: dict[str, str], *, if_absent: bool
) -> ObjectInfo:
    """Let ``key`` stand for the incoming bytes. Raises AlreadyExists."""
    incoming.seal()
    with changing(root, key):
        old = look_up(root, key)
        if old is not None and if_absent:
            raise AlreadyExists(f"{key.decode()} is already stored", code="exists")
        info = ObjectInfo(
            key.decode(), incoming.size_bytes, incoming.etag, datetime.now(UTC), content_type, dict(metadata)
        )
        todo = _plan(root, key, [incoming.blob] if old is None else [incoming.blob, old.blob])
        try:
            incoming.keep()
            _install(root, key, Name(incoming.blob, info), if_absent=if_absent)
        finally:
            _clear_up(root, todo)
    return info


def remove(root: Path, key: bytes) -> None:
    with changing(root, key):
        name = look_up(root, key)
        if name is None:
            return
        todo = _plan(root, key, [name.blob])
        path = _name_path(root, key)
        path.unlink()
        # The bytes must not go before the name is gone for good.
        _sync_removal(path)
        _clear_up(root, todo)
    top = root / "names"
    for folder in path.parents:
        if folder == top:
            return
        try:
            folder.rmdir()
        except OSError:
            # Somebody keeps or has just put something in there.
            return


def look_up(root: Path, key: bytes) -> Name | None:
    return read_name(_name_path(root, key), key)


def open_object(root: Path, key: bytes) -> tuple[ObjectInfo, BinaryIO]:
    """The bytes as they are now, whatever happens to the object later. Raises NotFound."""
    return _with_blob(root, key, lambda name: (name.info, blob_path(root, name.blob).open("rb")))


def pin_object(root: Path, key: bytes, etag: str | None = None) -> Pin:
    """Raises NotFound, also when the object has another ETag."""

    def pin(name: Name) -> Pin:
        if etag not in (None, name.info.etag):
            raise not_found(key)
        return Pin(root, name.blob)

    return _with_blob(root, key, pin)


def read_name(path: Path, key: bytes) -> Name | None:
    """None when there is no such file. Raises Fatal when it was damaged."""
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        said = json.loads(raw)
        info = ObjectInfo(
            key.decode(),
            said["size_bytes"],
            said["etag"],
            datetime.fromisoformat(said["modified_at"]),
            said["content_type"],
            said["metadata"],
        )
        return Name(said["blob"], info)
    except (ValueError, KeyError, TypeError) as error:
        raise Fatal(f"{path} is damaged ({error}); restore a copy or remove it") from error


def not_found(key: bytes) -> NotFound:
    return NotFound(f"nothing is stored as {key.decode()}", code="not-found")


def _name_path(root: Path, key: bytes) -> Path:
    return root / "names" / names.object_path(key)


def _with_blob(root: Path, key: bytes, use: Callable[[Name], T]) -> T:
    last = None
    for _ in range(ATTEMPTS):
        name = look_up(root, key)
        if name is None or name == last:
            # Twice the same name without its bytes: they were removed by other means than ours.
            break
        try:
            return use(name)
        except FileNotFoundError:
            last = name
    raise not_found(key)


def _install(root: Path, key: bytes, name: Name, *, if_absent: bool) -> None:
    """Make the key's file say ``name``, in one step. The caller holds the key."""
    info = name.info
    said = {
        "blob": name.blob,
        "size_bytes": info.size_bytes,
        "etag": info.etag,
        "modified_at": info.modified_at.isoformat(),
        "content_type": info.content_type,
        "metadata": dict(info.metadata),
    }
    path = _name_path(root, key)
    draft = root / "incoming" / f"{name.blob}.name"
    try:
        with draft.open("x") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
        _into_folder(path.parent, lambda: path.hardlink_to(draft) if if_absent else draft.replace(path))
    except FileExistsError as error:
        raise AlreadyExists(f"{info.key} is already stored", code="exists") from error
    finally:
        draft.unlink(missing_ok=True)


def _into_folder(folder: Path, place: Callable[[], object]) -> None:
    """``place`` a file in ``folder``, which others may be removing because it was empty."""
    for attempt in range(ATTEMPTS):
        try:
            made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
            _make(folder)
            place()
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            for changed in (folder, *(parent.parent for parent in made)):
                sync_folder(changed)
            return


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        # It was there, and gone when mkdir looked whether it is a folder: its last file was removed meanwhile.
        raise FileNotFoundError(f"{folder} comes and goes") from error


def _sync_removal(path: Path) -> None:
    """Make it last that ``path`` is gone, or the folder around it, which others may have removed since."""
    for folder in path.parents:
        try:
            sync_folder(folder)
        except FileNotFoundError:
            continue
        return


def _plan(root: Path, key: bytes, blobs: Iterable[str]) -> Path:
    """Write down which blobs may be useless soon, in case this process does not live to see it."""
    blobs = list(blobs)
    todo = root / "todo" / blobs[0]
    todo.write_text(json.dumps({"key": key.decode(), "blobs": blobs}))
    return todo


def _read_plan(todo: Path) -> tuple[bytes, list[str]] | None:
    """None for one that was never finished, in which case nothing else had been done yet."""
    try:
        said = json.loads(todo.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        with suppress(FileNotFoundError):
            if todo.stat().st_mtime < time.time() - LEFTOVER_AGE_S:
                todo.unlink()
        return None
    return said["key"].encode(), said["blobs"]


def _clear_up(root: Path, todo: Path) -> None:
    """Remove the planned blobs that the key does not stand for. The caller holds the key."""
    plan = _read_plan(todo)
    if plan is None:
        return
    key, blobs = plan
    try:
        name = look_up(root, key)
        for blob in blobs:
            if name is None or name.blob != blob:
                blob_path(root, blob).unlink(missing_ok=True)
        todo.unlink(missing_ok=True)
    except OSError as error:
        # What the caller came for is done or has failed already; the next start does the rest.
        log.warning("left %s for later: %s", todo, error)
