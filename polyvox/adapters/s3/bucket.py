"""Keys and requests of one bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from polyvox.adapters.object_keys import is_portable, key_bytes
from polyvox.adapters.s3 import metadata
from polyvox.adapters.s3.connection import Connection
from polyvox.adapters.s3.failures import status_of, translated
from polyvox.errors import Invalid, NotFound, PolyvoxError
from polyvox.ports import ObjectInfo

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

T = TypeVar("T")

_HIDDEN = "polyvox-put"
"""Metadata that tells a put of ours from another's; none of the object's own."""


class Bucket:
    """Objects of ``name`` whose key starts with ``prefix``, which callers do not see."""

    def __init__(self, connection: Connection, name: str, prefix: str) -> None:
        self.connection = connection
        self.name = name
        self.prefix = prefix

    def at(self, key: str) -> dict[str, Any]:
        """Arguments that name the object. Raises Invalid for a key that no store takes."""
        key_bytes(self.prefix + key if key else "")
        return {"Bucket": self.name, "Key": self.prefix + key}

    def at_new(self, key: str) -> dict[str, Any]:
        """The same for what is to be written. Raises Invalid for a key that not every store takes as it is."""
        named = self.at(key)
        if not is_portable(named["Key"]):
            raise Invalid(
                f"the object key {key!r} has an empty, dotted or too long part, a backslash or control characters",
                code="bad-key",
            )
        return named

    def key_of(self, full: str) -> str:
        return full[len(self.prefix) :]

    async def ask(
        self,
        request: Callable[[S3Client], T],
        what: str,
        *,
        conditional: bool = False,
        undo: Callable[[T], object] | None = None,
    ) -> T:
        """What ``request`` returns, called in a thread with the client. ``what`` is the object, for people."""
        return await self.connection.run(lambda: self.asked(request, what, conditional=conditional), undo=undo)

    def asked(self, request: Callable[[S3Client], T], what: str, *, conditional: bool = False) -> T:
        """The same in this thread."""
        try:
            return request(self.connection.client())
        except PolyvoxError:
            raise
        except ClientError as error:
            if status_of(error) == 400 and not is_portable(what):
                # Servers that take no such key say so in many ways.
                raise NotFound(f"nothing is stored as {what}", code="not-found") from error
            raise translated(error, what, conditional=conditional) from error
        except (BotoCoreError, OSError) as error:
            raise translated(error, what, conditional=conditional) from error
        except ValueError as error:
            # botocore says so of a URL that is none.
            raise translated(error, what) from error

    def head(self, client: S3Client, key: str, **pin: Any) -> Mapping[str, Any]:
        """The answer to a HEAD request, which has no body: a failure is asked for again with words."""
        named = self.at(key)
        try:
            return client.head_object(**named, **pin, ChecksumMode="ENABLED")
        except ClientError as error:
            if status_of(error) not in (301, 400, 403, 404, 405):
                raise
            try:
                client.get_object(**named, **pin, Range="bytes=0-0")["Body"].close()
            except ClientError as told:
                if status_of(told) != 416:
                    raise
            # It has come in between, or is empty.
            return client.head_object(**named, **pin, ChecksumMode="ENABLED")


def info_of(key: str, answer: Mapping[str, Any]) -> ObjectInfo:
    """What the answer to a HEAD request says of the object."""
    said = metadata.of_headers(answer.get("Metadata", {}))
    said.pop(_HIDDEN, None)
    return ObjectInfo(
        key,
        answer["ContentLength"],
        etag_of(answer),
        answer["LastModified"].astimezone(UTC),
        answer.get("ContentType") or "application/octet-stream",
        said,
        version_of(answer),
    )


def etag_of(answer: Mapping[str, Any]) -> str:
    return str(answer.get("ETag", "")).strip('"')


def version_of(answer: Mapping[str, Any]) -> str | None:
    """None where the bucket keeps no versions, or did not when this one was put."""
    version: str | None = answer.get("VersionId")
    return None if version in ("", "null") else version


def date_of(answer: Mapping[str, Any]) -> datetime:
    """The server's clock when it answered, which is when it stored what it was sent."""
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said).astimezone(UTC) if said else datetime.now(UTC)


def server_of(answer: Mapping[str, Any]) -> str:
    """The name of the software that answered, in lower case; "" when it does not say."""
    return str(answer["ResponseMetadata"]["HTTPHeaders"].get("server", "")).lower()


def was_repeated(answer: Mapping[str, Any]) -> bool:
    """Whether the request was sent more than once, so that an earlier one may have had its effect."""
    return int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0


def marked(given: Mapping[str, str] | None, mark: str) -> dict[str, str]:
    return {**metadata.to_headers(given or {}), _HIDDEN: mark}


def mark_of(answer: Mapping[str, Any]) -> str | None:
    mark: str | None = answer.get("Metadata", {}).get(_HIDDEN)
    return mark
