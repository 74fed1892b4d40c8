"""The ObjectStore port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from polyvox.adapters.s3 import downloads, listing, uploads
from polyvox.adapters.s3 import parts as partwise
from polyvox.adapters.s3.bucket import Bucket, info_of, version_of
from polyvox.adapters.s3.connection import Connection
from polyvox.adapters.s3.options import S3Options
from polyvox.adapters.s3.scratch import Scratch
from polyvox.adapters.s3.versions import found
from polyvox.errors import NotFound
from polyvox.ports import Body, ObjectInfo, OpenParts, PartInfo

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class S3Store:
    """ObjectStore in ``bucket``, which must be there.

    Every call raises Unavailable when the server does not answer, is in trouble, or refuses the
    credentials (with the setting to look at), Transient when bytes were damaged on their way, and
    Invalid for a key that is empty or longer than 1,024 bytes. Puts also raise Invalid for keys that
    some servers take for others: with empty, ``.`` or ``..`` parts, or with backslashes or control characters.

    Args:
        prefix: begins the key of every object in the bucket; callers do not see it.
        scratch: folder for copies that ``local_file`` gives out; the first call removes what dead
            processes left there.
    """

    def __init__(self, options: S3Options, *, bucket: str, prefix: str = "", scratch: Path) -> None:
        self._connection = Connection(options)
        self._bucket = Bucket(self._connection, bucket, prefix)
        self._scratch = Scratch(scratch)

    async def put(
        self,
        key: str,
        body: Body,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_absent: bool = False,
    ) -> ObjectInfo:
        return await uploads.put(
            self._bucket, key, body, content_type=content_type, metadata=metadata, if_absent=if_absent
        )

    async def get(self, key: str) -> bytes:
        return await downloads.get(self._bucket, key)

    def stream(
        self, key: str, *, start: int = 0, end: int | None = None, chunk_bytes: int = 1 << 20
    ) -> AsyncIterator[bytes]:
        """Of one version from start to end, or NotFound when that is gone half-way."""
        return downloads.stream(self._bucket, key, start, end, chunk_bytes)

    async def head(self, key: str, *, version: str | None = None) -> ObjectInfo:
        return info_of(key, await self._bucket.ask(partial(found, self._bucket, key, version), key))

    def list(self, prefix: str, *, start_after: str = "") -> AsyncIterator[ObjectInfo]:
        """In the order of the keys' bytes. Content type and metadata only ``head`` tells."""
        return listing.objects(self._bucket, prefix, start_after)

    async def delete(self, key: str) -> None:
        named = self._bucket.at(key)
        with suppress(NotFound):
            await self._bucket.ask(lambda client: client.delete_object(**named), key)

    def local_file(self, key: str, *, version: str | None = None) -> AbstractAsyncContextManager[Path]:
        return downloads.local_file(self._bucket, self._scratch, key, version)

    async def begin_parts(
        self,
        key: str,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        return await partwise.begin(self._bucket, key, content_type, metadata)

    async def put_part(self, key: str, upload: str, number: int, body: Body) -> PartInfo:
        return await partwise.put_part(self._bucket, self._scratch, key, upload, number, body)

    async def parts(self, key: str, upload: str) -> Sequence[PartInfo]:
        return await partwise.parts(self._bucket, key, upload)

    async def join_parts(
        self, key: str, upload: str, parts: Sequence[PartInfo], *, if_absent: bool = False
    ) -> ObjectInfo:
        return await partwise.join(self._bucket, key, upload, parts, if_absent=if_absent)

    async def drop_parts(self, key: str, upload: str) -> None:
        await partwise.forget(self._bucket, key, upload)

    def open_parts(self, prefix: str) -> AsyncIterator[OpenParts]:
        """Also those of a put that was killed. MinIO forgets them by itself, a day later."""
        return partwise.still_open(self._bucket, prefix)

    async def part_url(self, key: str, upload: str, number: int, *, expires_s: int) -> str:
        return await partwise.part_url(self._bucket, key, upload, number, expires_s)

    async def get_url(self, key: str, *, expires_s: int, filename: str | None = None) -> str:
        return await partwise.get_url(self._bucket, key, expires_s, filename)

    async def tags(self, key: str, *, version: str | None = None) -> Mapping[str, str]:
        return await self._bucket.ask(partial(_tags, self._bucket, key, version), key)

    async def close(self) -> None:
        """Waits for what the threads are doing."""
        await self._connection.close()
        self._scratch.close()


def _tags(bucket: Bucket, key: str, version: str | None, client: S3Client) -> dict[str, str]:
    named = bucket.at(key)
    if version is not None and (known := version_of(found(bucket, key, version, client))):
        named["VersionId"] = known
    return {tag["Key"]: tag["Value"] for tag in client.get_object_tagging(**named)["TagSet"]}
