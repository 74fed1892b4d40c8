"""What both clients know of uploads in parts: how a file is cut, what is kept to go on with it. No network here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from polyvox.client import calls
from polyvox.client.files import Progress
from polyvox.contracts import Lane, Options
from polyvox.errors import Invalid, NotFound

PARTS_ABOVE_BYTES = 64 << 20
"""Files of more bytes are sent in parts: a lost connection costs one part then, not the file."""
PARALLEL = 4
URLS_AT_ONCE = 32
"""Few enough that the last of them is used long before it expires."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file as it was when its upload began."""

    path: str
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> Source:
        """Raises OSError."""
        stat = path.stat()
        return cls(str(path.resolve()), stat.st_size, stat.st_mtime_ns)

    def check_unchanged(self) -> None:
        """Raises Invalid."""
        if Source.of(Path(self.path)) != self:
            raise Invalid(f"{self.path} changed while it was sent: upload it again", code="file-changed")


@dataclass(frozen=True, slots=True)
class Plan:
    """An upload as the server describes it. Parts have numbers from 1."""

    upload_id: str
    media_id: str
    size_bytes: int
    part_bytes: int
    part_count: int
    stored: frozenset[int]
    is_completed: bool

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Plan:
        """Raises Invalid: it does not describe an upload."""
        try:
            return cls(
                upload_id=str(document["upload_id"]),
                media_id=str(document["media_id"]),
                size_bytes=int(document["size_bytes"]),
                part_bytes=int(document["part_bytes"]),
                part_count=int(document["part_count"]),
                stored=frozenset(int(part["number"]) for part in document["parts"]),
                is_completed=document["status"] == "completed",
            )
        except (KeyError, TypeError, ValueError):
            raise calls.not_polyvox() from None

    @property
    def path(self) -> str:
        return f"/v1/uploads/{self.upload_id}"

    def missing(self) -> list[int]:
        return [number for number in range(1, self.part_count + 1) if number not in self.stored]

    def size_of(self, number: int) -> int:
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)

    def read(self, source: Source, number: int) -> bytes:
        """The bytes of a part. Raises OSError, and Invalid when the file became shorter."""
        with Path(source.path).open("rb") as file:
            file.seek((number - 1) * self.part_bytes)
            data = file.read(self.size_of(number))
        if len(data) != self.size_of(number):
            source.check_unchanged()
        return data


class Resume:
    """A small file in which an upload is remembered until it is completed; None: it is not.

    It is only believed for the same file, options and server.
    """

    def __init__(self, place: Path | None, source: Source, options: Options, server: str) -> None:
        self._place = place
        self._about = {
            **asdict(source),
            "options": options.model_dump(mode="json", exclude_defaults=True),
            "server": server,
        }

    def upload_id(self) -> str | None:
        """Of the upload to go on with."""
        if self._place is None:
            return None
        try:
            known = json.loads(self._place.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(known, dict) or {name: known.get(name) for name in self._about} != self._about:
            return None
        return str(known.get("upload_id")) if known.get("upload_id") else None

    def keep(self, upload_id: str) -> None:
        if self._place is not None:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            draft = self._place.with_name(f"{self._place.name}.new")
            draft.write_text(json.dumps({**self._about, "upload_id": upload_id}, indent=1), encoding="utf-8")
            draft.replace(self._place)

    def forget(self) -> None:
        if self._place is not None:
            self._place.unlink(missing_ok=True)


class Sent:
    """What was sent of an upload so far, told to ``progress`` in whole parts."""

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self.etags: dict[int, str] = {}
        self._plan = plan
        self._progress = progress
        self._bytes = sum(plan.size_of(number) for number in plan.stored)
        self._tell()

    def add(self, number: int, etag: str | None) -> None:
        if etag:
            self.etags[number] = etag
        self._bytes += self._plan.size_of(number)
        self._tell()

    def completion(self) -> dict[str, Any]:
        """The body that completes the upload."""
        return {"parts": [{"number": number, "etag": etag} for number, etag in sorted(self.etags.items())]}

    def _tell(self) -> None:
        if self._progress:
            self._progress(self._bytes, self._plan.size_bytes)


def resume_name(path: Path, options: Options, server: str) -> str:
    """A name for the file in which an upload is remembered: the same for the same upload."""
    about = [str(path.resolve()), server, options.model_dump(mode="json", exclude_defaults=True)]
    return f"{hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]}.json"


def beginning(source: Source, options: Options, lane: Lane) -> dict[str, Any]:
    """The body that begins an upload."""
    return {
        "size_bytes": source.size_bytes,
        "filename": Path(source.path).name,
        "options": options.model_dump(mode="json", exclude_defaults=True),
        **calls.lane_field(lane),
    }


def places(document: Mapping[str, Any]) -> dict[int, str]:
    """Where parts are to be put, by number. Raises Invalid."""
    try:
        return {int(place["number"]): str(place["url"]) for place in document["urls"]}
    except (KeyError, TypeError, ValueError):
        raise calls.not_polyvox() from None


def batches(numbers: Iterable[int]) -> list[list[int]]:
    listed = list(numbers)
    return [listed[at : at + URLS_AT_ONCE] for at in range(0, len(listed), URLS_AT_ONCE)]


def part_checked(response: httpx.Response) -> httpx.Response:
    """As ``calls.checked``, for the answer of an object store: 403 and 404 say that a URL has expired or its upload is
    gone, which another one, or the server that gives it, makes clear.
    """
    if response.status_code in (403, 404):
        raise calls.Busy(f"the object store answered {response.status_code}", retry_after_s=0.5)
    return calls.checked(response)


def etag_of(response: httpx.Response) -> str | None:
    etag: str | None = response.headers.get("ETag")
    return etag


def is_older_server(error: NotFound) -> bool:
    """Whether what was not found is the way to upload in parts itself."""
    return error.code in ("not-found", "404")
