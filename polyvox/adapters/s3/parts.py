"""Uploads in parts that others send, in any order and over any time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from polyvox.adapters.s3 import metadata, uploads
from polyvox.adapters.s3.bucket import Bucket, etag_of, info_of, server_of, was_repeated
from polyvox.adapters.s3.failures import code_of
from polyvox.adapters.s3.scratch import Scratch, disk_errors
from polyvox.errors import Invalid, NotFound
from polyvox.ports import PARTS_MAX, Body, ObjectInfo, OpenParts, PartInfo

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

SPOOL_BYTES = 16 << 20
"""A part whose bytes come as a stream is kept in memory up to here, and in a scratch file beyond."""
APPEND_BYTES = 1 << 20

_UPLOAD = re.compile(r"[\w~+=-][\w.~+=-]*", re.ASCII)


async def begin(bucket: Bucket, key: str, content_type: str, given: Mapping[str, str] | None) -> str:
    about: dict[str, Any] = {"ContentType": content_type, "Metadata": metadata.to_headers(given or {})}
    named = bucket.at_new(key)

    def request(client: S3Client) -> str:
        # Without a checksum of the whole: whoever sends parts to a presigned URL sends none.
        return client.create_multipart_upload(**named, **about)["UploadId"]

    return await bucket.ask(request, key)


async def put_part(bucket: Bucket, scratch: Scratch, key: str, upload: str, number: int, body: Body) -> PartInfo:
    named = {**_named(bucket, key, upload), "PartNumber": checked_number(number)}
    if isinstance(body, bytes):
        return await bucket.ask(partial(_send, named, body), key)
    head, chunks = bytearray(), aiter(body)
    async for chunk in chunks:
        head += chunk
        if len(head) >= SPOOL_BYTES:
            break
    else:
        return await bucket.ask(partial(_send, named, head), key)
    path = await bucket.connection.run(scratch.new_file, undo=Path.unlink)
    try:
        await bucket.connection.run(partial(_append, path, head))
        head = bytearray()
        async for chunk in chunks:
            head += chunk
            if len(head) >= APPEND_BYTES:
                await bucket.connection.run(partial(_append, path, head))
                head = bytearray()
        await bucket.connection.run(partial(_append, path, head))
        return await bucket.ask(partial(_send_file, named, path), key)
    finally:
        await bucket.connection.run(partial(path.unlink, missing_ok=True))


async def parts(bucket: Bucket, key: str, upload: str) -> Sequence[PartInfo]:
    return await bucket.ask(partial(_stored, _named(bucket, key, upload)), key)


async def join(bucket: Bucket, key: str, upload: str, wanted: Sequence[PartInfo], *, if_absent: bool) -> ObjectInfo:
    in_order = sorted(wanted, key=lambda part: part.number)
    if not in_order or len({part.number for part in in_order}) < len(in_order):
        raise Invalid(f"{key}: an object is made of one part or more, each named once", code="bad-request")
    named = _named(bucket, key, upload)
    return await bucket.ask(partial(_joined, bucket, key, named, in_order, if_absent), key, conditional=if_absent)


async def forget(bucket: Bucket, key: str, upload: str) -> None:
    if _UPLOAD.fullmatch(upload):
        await bucket.ask(partial(uploads.drop, bucket.at(key), upload), key)


async def still_open(bucket: Bucket, prefix: str) -> AsyncIterator[OpenParts]:
    full = bucket.prefix + prefix
    asked: dict[str, Any] = {"Bucket": bucket.name, "Prefix": full}
    while True:
        answer = await bucket.ask(partial(_open_page, asked), bucket.name)
        if asked["Prefix"] and server_of(answer).startswith("minio"):
            # MinIO takes the prefix for a whole key, unless it is empty.
            asked["Prefix"] = ""
            continue
        for found in answer.get("Uploads", ()):
            if found["Key"].startswith(full):
                yield OpenParts(bucket.key_of(found["Key"]), found["UploadId"], found["Initiated"].astimezone(UTC))
        if not answer.get("IsTruncated"):
            return
        asked |= {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer.get("NextUploadIdMarker", "")}


async def part_url(bucket: Bucket, key: str, upload: str, number: int, expires_s: int) -> str:
    named = {**_named(bucket, key, upload), "PartNumber": checked_number(number)}
    return await _signed(bucket, "upload_part", named, expires_s)


async def get_url(bucket: Bucket, key: str, expires_s: int, filename: str | None) -> str:
    named = bucket.at(key)
    if filename is not None:
        named["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
    return await _signed(bucket, "get_object", named, expires_s)


def _named(bucket: Bucket, key: str, upload: str) -> dict[str, Any]:
    """Arguments that name the upload. Raises NotFound for an id that is none, which some servers take for a path."""
    if not _UPLOAD.fullmatch(upload):
        raise NotFound(f"there is no upload {upload} of {key}", code="not-found")
    return {**bucket.at_new(key), "UploadId": upload}


def checked_number(number: int) -> int:
    """Raises Invalid."""
    if not 1 <= number <= PARTS_MAX:
        raise Invalid(f"parts have numbers from 1 to {PARTS_MAX}", code="bad-request")
    return number


async def _signed(bucket: Bucket, operation: str, named: Mapping[str, Any], expires_s: int) -> str:
    def work() -> str:
        client = bucket.connection.public_client()
        return client.generate_presigned_url(operation, Params=dict(named), ExpiresIn=expires_s)

    return await bucket.connection.run(work)


def _send(named: Mapping[str, Any], body: bytes | bytearray, client: S3Client) -> PartInfo:
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    sent: dict[str, Any] = {"Body": body, "ContentMD5": base64.b64encode(digest).decode()}
    return PartInfo(named["PartNumber"], etag_of(client.upload_part(**named, **sent)), len(body))


def _append(path: Path, data: bytearray) -> None:
    with disk_errors(path.parent), path.open("ab") as file:
        file.write(data)


def _send_file(named: Mapping[str, Any], path: Path, client: S3Client) -> PartInfo:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).digest()
        file.seek(0)
        answer = client.upload_part(**named, Body=file, ContentMD5=base64.b64encode(digest).decode())
    return PartInfo(named["PartNumber"], etag_of(answer), path.stat().st_size)


def _stored(named: Mapping[str, Any], client: S3Client) -> list[PartInfo]:
    found = [part for page in client.get_paginator("list_parts").paginate(**named) for part in page.get("Parts", ())]
    # SeaweedFS also lists parts that were replaced, in no order, with their time in seconds.
    found.sort(key=lambda part: part["LastModified"])
    newest = {part["PartNumber"]: PartInfo(part["PartNumber"], etag_of(part), part["Size"]) for part in found}
    return [newest[number] for number in sorted(newest)]


def _open_page(asked: Mapping[str, Any], client: S3Client) -> Mapping[str, Any]:
    return client.list_multipart_uploads(**asked)


def _joined(
    bucket: Bucket, key: str, named: Mapping[str, Any], wanted: Sequence[PartInfo], if_absent: bool, client: S3Client
) -> ObjectInfo:
    listed: Any = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in wanted]
    condition: dict[str, Any] = {"IfNoneMatch": "*"} if if_absent else {}
    try:
        client.complete_multipart_upload(**named, **condition, MultipartUpload={"Parts": listed})
    except ClientError as error:
        lost = code_of(error) in uploads.LOST and was_repeated(error.response)
        if not (lost and _is_there(bucket, key, wanted, client)):
            if code_of(error) == "NoSuchUpload":
                # SeaweedFS says so, too, of an upload without parts.
                _stored(named, client)
                raise Invalid(f"{key}: a part of the upload is missing", code="bad-request") from error
            raise
    return info_of(key, bucket.head(client, key))


def _is_there(bucket: Bucket, key: str, wanted: Sequence[PartInfo], client: S3Client) -> bool:
    """Whether the object is already made of these parts."""
    return etag_of(bucket.head(client, key)) == joined_etag(wanted)


def joined_etag(wanted: Sequence[PartInfo]) -> str | None:
    """The ETag that servers give an object of these parts; None where theirs are no MD5 sums."""
    try:
        digests = b"".join(bytes.fromhex(part.etag) for part in wanted)
    except ValueError:
        return None
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(wanted)}"
