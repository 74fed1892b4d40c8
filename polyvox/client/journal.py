"""What was uploaded of many files: so that a run that was broken off goes on, and nothing is uploaded twice."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from polyvox.contracts import Lane, Options


def upload_key(path: Path, options: Options, lane: Lane, salt: str = "") -> str:
    """The Idempotency-Key of a file as it is now: the server makes one recording of it, however often it is sent.

    It changes with the file's size and time, and with what is asked for. Raises OSError.
    """
    status = path.stat()
    about = [
        platform.node(),
        str(path.resolve()),
        status.st_size,
        status.st_mtime_ns,
        options.model_dump(mode="json", exclude_defaults=True),
        lane,
        salt,
    ]
    return f"polyvox-{hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:40]}"


@dataclass(slots=True)
class Journal:
    """Media ids by upload key, a JSON object a line in a file; ``place`` None: nowhere.

    Without it a run that goes on would send everything again, for the server to find that it has it.
    """

    place: Path | None
    salt: str = ""
    _known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def opened(cls, place: Path | None, *, again: bool = False) -> Journal:
        """``again``: forget what was uploaded, and make new recordings of it. Raises OSError."""
        journal = cls(place)
        if again:
            journal.salt = uuid.uuid4().hex
            if place is not None:
                place.unlink(missing_ok=True)
                journal._write({"salt": journal.salt})
        elif place is not None:
            journal._read(place)
        return journal

    def media_id(self, key: str) -> str | None:
        """Of a file that the server has."""
        return self._known.get(key)

    def add(self, key: str, path: Path, media_id: str) -> None:
        """Raises OSError."""
        self._known[key] = media_id
        self._write({"key": key, "media_id": media_id, "path": str(path)})

    def _read(self, place: Path) -> None:
        try:
            lines = place.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                # Cut off by a crash: that file is sent once more, under the same key.
                continue
            if isinstance(entry, dict) and "salt" in entry:
                self.salt = str(entry["salt"])
            elif isinstance(entry, dict) and {"key", "media_id"} <= entry.keys():
                self._known[str(entry["key"])] = str(entry["media_id"])

    def _write(self, entry: dict[str, str]) -> None:
        if self.place is None:
            return
        self.place.parent.mkdir(parents=True, exist_ok=True)
        # In one call each, and with a line's end before it: what a crash cut off stays by itself.
        with self.place.open("ab", buffering=0) as file:
            torn = file.tell() > 0 and not _ends_a_line(self.place)
            file.write((b"\n" if torn else b"") + json.dumps(entry).encode() + b"\n")


def _ends_a_line(place: Path) -> bool:
    with place.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
