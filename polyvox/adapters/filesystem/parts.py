"""Uploads in parts. Blocking.

What lies in ``parts/0f3a…``, the folder of one upload::

    about            whose parts these are: JSON with key, type, metadata, time; locked by who changes the folder
    00001-5d41…      the bytes of part 1, whose MD5 is in the name
    joined           the blob that is being made of them: with it stored under the key the upload is over
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from polyvox.adapters.filesystem.blobs import LEFTOVER_AGE_S, Incoming, sync_folder
from polyvox.adapters.filesystem.folder import look_up, publish
from polyvox.errors import AlreadyExists, Invalid, NotFound
from polyvox.ports import PART_MIN_BYTES, PARTS_MAX, ObjectInfo, OpenParts, PartInfo

_UPLOAD = re.compile(r"[0-9a-f]{32}")


def begin(root: Path, key: bytes, content_type: str, metadata: Mapping[str, str]) -> str:
    upload = uuid.uuid4().hex
    folder = root / "parts" / upload
    folder.mkdir()
    about = {
        "key": key.decode(),
        "content_type": content_type,
        "metadata": dict(metadata),
        "begun_at": datetime.now(UTC).isoformat(),
    }
    _write(folder / "about", json.dumps(about))
    sync_folder(folder.parent)
    return upload


def keep_part(root: Path, key: bytes, upload: str, number: int, incoming: Incoming) -> PartInfo:
    """Let the incoming bytes be part ``number``. Raises NotFound."""
    incoming.seal()
    with _held(root, key, upload) as (folder, _):
        before = [path for path in folder.iterdir() if path.name.startswith(f"{number:05d}-")]
        kept = folder / f"{number:05d}-{incoming.etag}"
        incoming.move_to(kept)
        for path in before:
            if path != kept:
                path.unlink()
    return PartInfo(number, incoming.etag, incoming.size_bytes)


def parts(root: Path, key: bytes, upload: str) -> list[PartInfo]:
    """By number. Raises NotFound."""
    with _held(root, key, upload) as (folder, _):
        return [info for info, _ in _stored(folder).values()]


def join(
    root: Path, key: bytes, upload: str, wanted: Sequence[PartInfo], if_absent: bool, incoming: Incoming
) -> ObjectInfo:
    """Make the object of the parts, by way of ``incoming``. Raises NotFound, Invalid, AlreadyExists."""
    with _held(root, key, upload) as (folder, about):
        paths = _chosen(key, wanted, _stored(folder))
        if if_absent and look_up(root, key) is not None:
            # Said again by the put itself, which is sure; this saves copying.
            raise AlreadyExists(f"{key.decode()} is already stored", code="exists")
        for path in paths:
            incoming.append(path)
        incoming.name_by_parts([path.name.partition("-")[2] for path in paths])
        _write(folder / "joined", incoming.blob)
        info = publish(root, key, incoming, about["content_type"], about["metadata"], if_absent=if_absent)
        _remove(folder)
    return info


def drop(root: Path, key: bytes, upload: str) -> None:
    with suppress(NotFound), _held(root, key, upload) as (folder, _):
        _remove(folder)


def still_open(root: Path, prefix: str) -> list[OpenParts]:
    """By key and age."""
    found = []
    for folder in (root / "parts").iterdir():
        with suppress(FileNotFoundError):
            about = json.loads((folder / "about").read_bytes())
            if about["key"].startswith(prefix):
                found.append(OpenParts(about["key"], folder.name, datetime.fromisoformat(about["begun_at"])))
    return sorted(found, key=lambda parts: (parts.key.encode(), parts.begun_at))


def checked_number(number: int) -> int:
    """Raises Invalid."""
    if not 1 <= number <= PARTS_MAX:
        raise Invalid(f"parts have numbers from 1 to {PARTS_MAX}", code="bad-request")
    return number


def remove_leftovers(root: Path) -> None:
    """Finish what crashed processes began to join or to drop, and remove what they hardly began."""
    for folder in (root / "parts").iterdir():
        try:
            about = json.loads((folder / "about").read_bytes())
        except FileNotFoundError:
            with suppress(FileNotFoundError):
                if folder.stat().st_mtime < time.time() - LEFTOVER_AGE_S:
                    shutil.rmtree(folder)
            continue
        key = about["key"].encode()
        with suppress(FileNotFoundError, NotFound):
            blob = (folder / "joined").read_text()
            with _held(root, key, folder.name):
                name = look_up(root, key)
                if name is not None and name.blob == blob:
                    _remove(folder)


@contextmanager
def _held(root: Path, key: bytes, upload: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folder of an upload, which nobody else changes meanwhile, and what was said of it. Raises NotFound."""
    gone = NotFound(f"there is no upload {upload} of {key.decode()}", code="not-found")
    if not _UPLOAD.fullmatch(upload):
        raise gone
    folder = root / "parts" / upload
    try:
        file = (folder / "about").open("rb")
    except FileNotFoundError:
        raise gone from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        about = json.load(file)
        if about["key"].encode() != key or not (folder / "about").exists():
            raise gone
        yield folder, about


def _stored(folder: Path) -> dict[int, tuple[PartInfo, Path]]:
    """By number; of two of the same number, which only a crash leaves, the newer one."""
    found: dict[int, tuple[PartInfo, Path]] = {}
    files = [path for path in folder.iterdir() if "-" in path.name]
    for path in sorted(files, key=lambda path: path.stat().st_mtime_ns):
        number, _, etag = path.name.partition("-")
        found[int(number)] = PartInfo(int(number), etag, path.stat().st_size), path
    return dict(sorted(found.items()))


def _chosen(key: bytes, wanted: Sequence[PartInfo], stored: Mapping[int, tuple[PartInfo, Path]]) -> list[Path]:
    """The files of the parts to join, in order. Raises Invalid."""
    in_order = sorted(wanted, key=lambda part: part.number)
    if not in_order or len({part.number for part in in_order}) < len(in_order):
        raise Invalid(f"{key.decode()}: an object is made of one part or more, each named once", code="bad-request")
    for part in in_order:
        found = stored.get(part.number)
        if found is None or found[0].etag != part.etag:
            raise Invalid(f"{key.decode()}: part {part.number} is missing or another one", code="bad-request")
        if part is not in_order[-1] and found[0].size_bytes < PART_MIN_BYTES:
            raise Invalid(
                f"{key.decode()}: part {part.number}, not the last, has less than {PART_MIN_BYTES} bytes",
                code="bad-request",
            )
    return [stored[part.number][1] for part in in_order]


def _remove(folder: Path) -> None:
    """First what makes it an upload. The caller holds it."""
    (folder / "about").unlink()
    sync_folder(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str) -> None:
    """Whole and for good, or not at all."""
    draft = path.with_name(f".{path.name}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
