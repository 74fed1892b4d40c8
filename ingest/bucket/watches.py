"""Which prefixes of which buckets are watched, for whom, and with which options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ingest.bucket.wishes import asked_for
from ingest.upload.options import Known
from polyvox import keys
from polyvox.contracts.envelope import Lane
from polyvox.errors import Fatal, Invalid
from polyvox.settings import Settings
from polyvox.tenants import DEFAULT_TENANT

SIDECAR = ".json"
"""``talk.wav.json`` has the options of ``talk.wav``."""
OWN_FOLDERS = (keys.MEDIA, keys.TENANTS, "uploads/", "bucket/", "access/", "health/")
"""Where the product keeps what is its own; see polyvox/keys.py."""

Sort = Literal["recording", "sidecar", "ignored"]
BucketName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")]


class Watch(BaseModel):
    """One watched prefix. Everything under it becomes a recording but sidecars, folders' own keys,
    what ``ignore`` matches and, if there are any ``suffixes``, what ends in none of them.

    Args:
        bucket: its name; the product's own by default.
        tenant: whose recordings these are.
        tenant_folders: whether the first folder below the prefix names the tenant instead; ``tenant``'s is then what
            lies in none.
        options: of recordings that ask for nothing else, as in ``POST /v1/media``.
        ignore: shell patterns for the name after the last slash, or with a slash, for all after the prefix.
        sidecars: whether ``KEY.json`` has the options of ``KEY``, and is no recording itself.
        sidecar_wait_s: how long after its creation an object waits for its sidecar.
        metadata: whether the object's own metadata ``polyvox-…`` are options.
        tags: whether its tags ``polyvox-…`` are; one more request for each object.
        settle_s: age from which the sweep takes an object that no notification told of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: BucketName | None = None
    prefix: str = ""
    tenant: Annotated[str, StringConstraints(min_length=1, max_length=200)] = DEFAULT_TENANT
    tenant_folders: bool = False
    lane: Lane = "bulk"
    options: dict[str, Any] = Field(default_factory=dict)
    suffixes: tuple[Annotated[str, StringConstraints(min_length=1)], ...] = ()
    ignore: tuple[str, ...] = (".*", "*.tmp", "*.part", "*.partial")
    sidecars: bool = True
    sidecar_wait_s: float = Field(2.0, ge=0, le=3600)
    metadata: bool = True
    tags: bool = False
    settle_s: float = Field(10.0, ge=0)

    @property
    def name(self) -> str:
        """The same for as long as bucket and prefix are."""
        return f"{self.bucket or 'own'}-{hashlib.sha256(self.prefix.encode()).hexdigest()[:12]}"

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" if self.bucket else f"the own prefix {self.prefix!r}"

    def tenant_of(self, key: str) -> str:
        """Whose recording the object under the prefix is to be."""
        folder, slash, _ = key.removeprefix(self.prefix).partition("/")
        return folder if self.tenant_folders and slash else self.tenant

    def may_be_for(self, tenant: str, lane: Lane) -> bool:
        """Whether objects under the prefix may be this tenant's in this lane."""
        return lane == self.lane and (self.tenant_folders or tenant == self.tenant)

    def sort_of(self, key: str, size_bytes: int | None) -> Sort:
        if key.endswith("/") and not size_bytes:
            return "ignored"
        if self.sidecars and key.endswith(SIDECAR):
            return "sidecar"
        path = key.removeprefix(self.prefix)
        name = path.rpartition("/")[2]
        if any(fnmatchcase(path if "/" in pattern else name, pattern) for pattern in self.ignore):
            return "ignored"
        wanted = not self.suffixes or name.lower().endswith(tuple(suffix.lower() for suffix in self.suffixes))
        return "recording" if wanted else "ignored"


@dataclass(frozen=True)
class Watches:
    """All watches. Where one prefix lies within another, the longer one is responsible."""

    by_bucket: Mapping[str | None, Mapping[str, Watch]]

    @classmethod
    def of(cls, watches: Iterable[Watch]) -> Watches:
        by_bucket: dict[str | None, dict[str, Watch]] = {}
        for watch in watches:
            by_bucket.setdefault(watch.bucket, {})[watch.prefix] = watch
        longest_first = {
            bucket: dict(sorted(found.items(), key=lambda item: -len(item[0]))) for bucket, found in by_bucket.items()
        }
        return cls(longest_first)

    def __iter__(self) -> Iterator[Watch]:
        return (watch for watches in self.by_bucket.values() for watch in watches.values())

    def responsible_for(self, bucket: str | None, key: str) -> Watch | None:
        watches = self.by_bucket.get(bucket, {})
        return next((watch for prefix, watch in watches.items() if key.startswith(prefix)), None)


def load_watches(settings: Settings) -> Watches:
    """The watches that settings ask for; none when they ask for none.

    Raises:
        Fatal: they cannot be read, or one of them is not valid; says which and why.
    """
    if settings.watches is None or not settings.watches.strip():
        return Watches.of(())
    watches = [_watch(entry, number, settings) for number, entry in enumerate(_entries(settings.watches), 1)]
    seen: set[tuple[str | None, str]] = set()
    for watch in watches:
        if (watch.bucket, watch.prefix) in seen:
            raise Fatal(f"{watch} is watched twice: make one watch of the two in POLYVOX_WATCHES")
        seen.add((watch.bucket, watch.prefix))
    return Watches.of(watches)


def _entries(setting: str) -> list[Any]:
    text = setting
    if not setting.lstrip().startswith("["):
        try:
            text = Path(setting.strip()).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Fatal(f"POLYVOX_WATCHES is neither a JSON list nor a file that can be read: {error}") from error
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise Fatal(f"POLYVOX_WATCHES is not valid JSON: {error}") from error
    if not isinstance(entries, list):
        raise Fatal('POLYVOX_WATCHES must be a JSON list, for example [{"bucket": "calls", "prefix": "in/"}]')
    return entries


def _watch(entry: Any, number: int, settings: Settings) -> Watch:
    where = f"watch {number} in POLYVOX_WATCHES"
    try:
        watch = Watch.model_validate(entry)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors())
        raise Fatal(f"{where} is not valid: {said}") from error
    watch = watch.model_copy(update={"bucket": watch.bucket or settings.s3_bucket})
    try:
        asked_for([watch.options], Known.of(settings))
    except Invalid as error:
        raise Fatal(f"{where} has an option that is not valid: {error.reason}") from error
    if watch.bucket == settings.s3_bucket:
        for folder in OWN_FOLDERS:
            own = settings.s3_prefix + folder if settings.s3_bucket else folder
            if own.startswith(watch.prefix) or watch.prefix.startswith(own):
                raise Fatal(
                    f"{where} covers {own!r}, where Polyvox keeps its own objects: "
                    "give it a prefix of its own, for example in/, or another bucket"
                )
    return watch
