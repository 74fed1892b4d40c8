"""What an object of a watched bucket is called: the id of its recording and its entry in the ledger. Pure.

Entries lie in the order of the objects' keys, so that a listing of the ledger runs beside a listing
of the bucket and shows what was missed without anything being remembered elsewhere::

    bucket/taken/{bucket}/{key, as below}!/{hint}.{media_id}

Of the key, the bytes up to ``$`` are written as ``$`` and a letter or digit, so that ``!``, which ends it,
sorts before all that may follow in a longer key. Parts that not every store takes get a ``$`` before
them, and keys that would be too long are cut; the few of these may be out of order.

The hint is what a listing can tell of an object: its key and ETag, and its time where the bucket keeps
versions, of which a listing does not give the ids.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from polyvox import keys

_NAMESPACE = uuid.UUID("f2f6b1d4-5a0f-5c1c-8f59-0d6b3c1f9a42")
_END = "!"
_ESCAPES = {code: f"${chr(code + 0x30)}" for code in range(0x25)} | {0x7F: "$~"}
_HARDLY_NAMES = frozenset(("", ".", ".."))
KEY_BYTES_MAX = 680
SEGMENT_BYTES_MAX = 200
"""Some stores take names of at most 255 bytes between two slashes."""


def media_id_of(bucket: str | None, key: str, version: str) -> str:
    """The recording of one version of an object; ``version`` is the ETag where the bucket keeps none."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps([bucket, key, version])))


def hint_of(key: str, etag: str, modified_at: datetime | None = None) -> str:
    """12 hex digits; ``modified_at`` for a bucket that keeps versions. A HEAD tells it in whole seconds only."""
    seconds = None if modified_at is None else int(modified_at.timestamp())
    return hashlib.sha256(json.dumps([key, etag, seconds]).encode()).hexdigest()[:12]


def ledger_prefix(bucket: str | None, prefix: str = "") -> str:
    """What the entries of all objects of ``bucket`` whose key starts with ``prefix`` start with."""
    *folders, last = prefix.split("/")
    narrow = "/".join([*map(ordered, folders), "" if last in _HARDLY_NAMES else last.translate(_ESCAPES)])
    if len(narrow.encode()) > SEGMENT_BYTES_MAX - 4:
        # Such keys may be cut within the prefix.
        narrow = ""
    return f"{keys.BUCKET_LEDGER}{bucket or '-'}/{narrow}"


def ordered(key: str) -> str:
    """``key`` as it is in the ledger. Keys in order give names in order."""
    name = key.translate(_ESCAPES)
    if not _HARDLY_NAMES.isdisjoint(segments := name.split("/")):
        name = "/".join(f"${segment}" if segment in _HARDLY_NAMES else segment for segment in segments)
    if len(name.encode()) <= SEGMENT_BYTES_MAX:
        return name
    kept: list[str] = []
    total = 0
    for segment in name.split("/"):
        raw = segment.encode()
        room = min(SEGMENT_BYTES_MAX, KEY_BYTES_MAX - total)
        kept.append(raw[:room].decode(errors="ignore"))
        total += len(raw) + 1
        if len(raw) > room or total >= KEY_BYTES_MAX:
            break
    return "/".join(kept)


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in the ledger, taken apart. ``key`` is the object's key as :func:`ordered` gives it."""

    key: str
    hint: str
    media_id: str


def ledger_key(bucket: str | None, key: str, hint: str, media_id: str) -> str:
    return f"{ledger_prefix(bucket)}{ordered(key)}{_END}/{hint}.{media_id}"


def parse_ledger_key(bucket: str | None, name: str) -> Entry | None:
    """None for a name that no version of this code wrote."""
    key, end, token = name.removeprefix(ledger_prefix(bucket)).rpartition(f"{_END}/")
    hint, dot, media_id = token.partition(".")
    return Entry(key, hint, media_id) if end and dot else None
