"""What a tus request's headers say. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import cast, get_args

from ingest.tus import refusals
from ingest.upload.options import is_option
from polyvox.contracts import Lane

VERSION = "1.0.0"
EXTENSIONS = ("creation", "creation-with-upload", "creation-defer-length", "termination", "expiration", "checksum")
BODY_TYPE = "application/offset+octet-stream"
METADATA_MAX_CHARS = 32 * 1024
ALGORITHMS = ("sha1", "sha256", "md5")
DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a client said about the file. ``fields`` are options as fields of a form."""

    filename: str | None
    lane: Lane
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    digest: bytes


def byte_count(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a number of bytes; None where it is missing.

    Raises:
        Problem: 400, it is something else.
    """
    value = headers.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal()) or len(value) > DIGITS_MAX:
        raise refusals.bad_header(name, "a number of bytes")
    return int(value)


def announced_length(headers: Mapping[str, str]) -> int | None:
    """Size of the recording at creation; None when it will be said later.

    Raises:
        Problem: 400, neither or both of Upload-Length and Upload-Defer-Length.
    """
    length = byte_count(headers, "Upload-Length")
    deferred = headers.get("Upload-Defer-Length")
    if deferred not in (None, "1") or (deferred is None) == (length is None):
        raise refusals.bad_header(
            "Upload-Length", "the size of the file, or leave it out and send Upload-Defer-Length: 1"
        )
    return length


def metadata(value: str | None) -> Metadata:
    """Pairs of a key and a base64 value, with commas between.

    Names that clients send of themselves are known; options are options; anything else goes with the
    recording as its metadata.

    Raises:
        Problem: 400, it is not that.
    """
    pairs = _pairs(value or "")
    filename = pairs.pop("filename", None) or pairs.pop("name", None)
    for of_client in ("name", "filetype", "type", "relativePath"):
        pairs.pop(of_client, None)
    lane = pairs.pop("lane", "") or "interactive"
    if lane not in get_args(Lane):
        raise refusals.bad_header("Upload-Metadata", "pairs of a key and a base64 value; lane is interactive or bulk")
    fields = tuple((name if is_option(name) else f"metadata.{name}", text) for name, text in pairs.items())
    return Metadata(filename, cast("Lane", lane), fields)


def checksum(value: str | None) -> Checksum | None:
    """Raises Problem: 400, it is none or of an algorithm that is not known."""
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in ALGORITHMS:
        raise refusals.unknown_algorithm(algorithm)
    digest = _base64(encoded)
    if digest is None or len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise refusals.bad_header("Upload-Checksum", "an algorithm, a space and the checksum in base64")
    return Checksum(algorithm, digest)


def http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


def _pairs(value: str) -> dict[str, str]:
    if len(value) > METADATA_MAX_CHARS:
        raise refusals.bad_header("Upload-Metadata", f"at most {METADATA_MAX_CHARS} characters")
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in value.split(","))):
        name, _, encoded = pair.partition(" ")
        raw = _base64(encoded)
        try:
            text = None if raw is None else raw.decode()
        except UnicodeDecodeError:
            text = None
        if text is None or name in found:
            raise refusals.bad_header(
                "Upload-Metadata", "pairs of a key and a base64 value of UTF-8 text, with commas between, each key once"
            )
        found[name] = text
    return found


def _base64(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
