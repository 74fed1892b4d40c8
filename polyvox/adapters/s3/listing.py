"""Keys in byte order, from servers that have another."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Mapping
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from polyvox.adapters.s3.bucket import Bucket, etag_of, server_of
from polyvox.adapters.s3.failures import BAD_NAMES, code_of
from polyvox.ports import ObjectInfo

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


async def objects(bucket: Bucket, prefix: str, start_after: str) -> AsyncIterator[ObjectInfo]:
    """Objects under ``prefix`` after ``start_after``, by the bytes of their keys; without types and metadata."""
    # Half a surrogate pair is in no key.
    wanted, after = ((bucket.prefix + text).encode(errors="surrogatepass") for text in (prefix, start_after))
    if not start_after or after < wanted:
        after = b""
    elif not after.startswith(wanted):
        # All that start with ``wanted`` sort before it.
        return
    try:
        asked = {"Bucket": bucket.name, "Prefix": wanted.decode()}
    except UnicodeDecodeError:
        return
    marker = after.decode(errors="ignore")
    if marker.encode() == after and after:
        asked["StartAfter"] = marker
    async for page in _pages(bucket, asked):
        if server_of(page).startswith("seaweedfs"):
            async for info in _walk(bucket, wanted, after):
                yield info
            return
        for found in page.get("Contents", ()):
            key = found["Key"].encode()
            if key.startswith(wanted) and key > after:
                yield _info(bucket, found)


async def _walk(bucket: Bucket, prefix: bytes, after: bytes) -> AsyncIterator[ObjectInfo]:
    """The same where the server's order is that of a folder tree, in which a/b comes before a!.

    Folders wait until the names before their slash are through; only names that begin alike wait together.
    """
    waiting: list[tuple[bytes, Mapping[str, Any] | None]] = []
    asked = {"Bucket": bucket.name, "Prefix": prefix.decode(), "Delimiter": "/"}
    async for page in _pages(bucket, asked):
        for key, found in _children(page):
            while waiting and waiting[0][0] < key.rstrip(b"/"):
                async for info in _visited(bucket, *heapq.heappop(waiting), after):
                    yield info
            # It lists a folder as if it were an object, the one that was asked for and empty ones too.
            if found is None or not key.endswith(b"/"):
                heapq.heappush(waiting, (key, found))
    while waiting:
        async for info in _visited(bucket, *heapq.heappop(waiting), after):
            yield info


async def _visited(
    bucket: Bucket, key: bytes, found: Mapping[str, Any] | None, after: bytes
) -> AsyncIterator[ObjectInfo]:
    if found is not None:
        if key > after:
            yield _info(bucket, found)
    elif key > after or after.startswith(key):
        async for info in _walk(bucket, key, after):
            yield info


def _children(page: Mapping[str, Any]) -> list[tuple[bytes, Mapping[str, Any] | None]]:
    """Objects, and folders with None, in the server's order: by name, slashes aside."""
    children: list[tuple[bytes, Mapping[str, Any] | None]] = [
        *((found["Key"].encode(), found) for found in page.get("Contents", ())),
        *((found["Prefix"].encode(), None) for found in page.get("CommonPrefixes", ())),
    ]
    return sorted(children, key=lambda child: child[0].rstrip(b"/"))


async def _pages(bucket: Bucket, asked: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
    page: Mapping[str, Any] = {"NextContinuationToken": None}
    asked = {**asked, "MaxKeys": bucket.connection.options.listed_at_once}
    while (token := page.get("NextContinuationToken", "")) != "":
        arguments = {**asked, "ContinuationToken": token} if token else asked
        page = await bucket.ask(partial(_page, arguments), bucket.name)
        yield page


def _page(asked: Mapping[str, Any], client: S3Client) -> Mapping[str, Any]:
    try:
        return client.list_objects_v2(**asked)
    except ClientError as error:
        if code_of(error) not in BAD_NAMES:
            raise
    # MinIO minds a prefix like "a/.", which may begin good names; callers filter what they get.
    folder = {**asked, "Prefix": asked["Prefix"][: asked["Prefix"].rfind("/") + 1]}
    folder.pop("StartAfter", None)
    try:
        return client.list_objects_v2(**folder)
    except ClientError as error:
        if code_of(error) not in BAD_NAMES:
            raise
        return {"ResponseMetadata": error.response["ResponseMetadata"]}


def _info(bucket: Bucket, found: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(bucket.key_of(found["Key"]), found["Size"], etag_of(found), found["LastModified"].astimezone(UTC))
