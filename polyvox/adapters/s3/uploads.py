"""Bodies of any size, seen whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from polyvox.adapters.s3 import crc
from polyvox.adapters.s3.bucket import Bucket, date_of, etag_of, mark_of, marked, server_of, version_of, was_repeated
from polyvox.adapters.s3.failures import code_of
from polyvox.errors import PolyvoxError
from polyvox.ports import Body, ObjectInfo

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PARTS_PER_SIZE = 2500
ATTEMPTS = 6
"""How often a put is made that meets others of the same key."""
PAUSE_S = 0.1

LOST = frozenset(("PreconditionFailed", "NoSuchUpload"))
"""What is said to a request whose effect an earlier copy of it had already."""

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """A part that the server has."""

    number: int
    etag: str
    crc: int
    size_bytes: int


async def put(
    bucket: Bucket,
    key: str,
    body: Body,
    *,
    content_type: str,
    metadata: Mapping[str, str] | None,
    if_absent: bool,
) -> ObjectInfo:
    """See the port. Small bodies go in one request, others in parts, a few of which are in memory at a time."""
    return await _Put(bucket, key, content_type, metadata or {}, if_absent=if_absent).run(body)


async def _blocks(body: Body, size_bytes: int) -> AsyncIterator[bytearray]:
    """The body in blocks: at least one, all but the last of full size, which grows with their number."""
    number, block = 1, bytearray()
    async for chunk in _chunks(body):
        rest = memoryview(chunk)
        while len(block) + len(rest) >= size_bytes:
            room = size_bytes - len(block)
            block += rest[:room]
            rest = rest[room:]
            yield block
            block = bytearray()
            number += 1
            if number % PARTS_PER_SIZE == 0:
                size_bytes *= 2
        block += rest
    if block or number == 1:
        yield block


async def _chunks(body: Body) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk


class _Put:
    """One put. Its mark, kept with the object, tells whether a request whose answer was lost had its effect."""

    def __init__(
        self, bucket: Bucket, key: str, content_type: str, metadata: Mapping[str, str], *, if_absent: bool
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._conditional = if_absent
        self._named = bucket.at_new(key)
        self._mark = uuid.uuid4().hex
        self._content_type = content_type
        self._metadata = dict(metadata)
        self._about: dict[str, Any] = {"ContentType": content_type, "Metadata": marked(metadata, self._mark)}
        self._condition: dict[str, Any] = {"IfNoneMatch": "*"} if if_absent else {}

    async def run(self, body: Body) -> ObjectInfo:
        part_bytes = self._bucket.connection.options.part_bytes
        if isinstance(body, bytes) and len(body) < part_bytes:
            return await self._at_once(body)
        blocks = _blocks(body, part_bytes)
        block = await anext(blocks)
        if len(block) < part_bytes:
            return await self._at_once(block)
        upload = await self._bucket.ask(self._create, self._key, undo=self._start_abort)
        jobs: list[asyncio.Future[Sent]] = []
        running: set[asyncio.Future[Sent]] = set()
        try:
            while block:
                await self._room(running)
                jobs.append(self._start(partial(self._send, upload, len(jobs) + 1, block)))
                running.add(jobs[-1])
                block = await anext(blocks, bytearray())
            sent = await asyncio.shield(asyncio.gather(*jobs))
            return await self._joined(upload, sent)
        except BaseException:
            await self._bucket.connection.tidy(self._give_up(upload, jobs))
            raise

    async def _at_once(self, body: bytes | bytearray) -> ObjectInfo:
        def request(client: S3Client) -> Mapping[str, Any]:
            sent: dict[str, Any] = {"Body": body, "ChecksumCRC32": crc.text_of(zlib.crc32(body))}
            return self._insisting(
                client, lambda: client.put_object(**self._named, **self._about, **self._condition, **sent)
            )

        answer = await self._bucket.ask(request, self._key, conditional=self._conditional)
        return self._info(answer, len(body))

    async def _room(self, running: set[asyncio.Future[Sent]]) -> None:
        """Wait until one more part may be on its way. Raises what a part failed with."""
        done = {job for job in running if job.done()}
        if len(running) - len(done) >= self._bucket.connection.options.parts_at_once:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        running -= done
        for job in done:
            job.result()

    async def _joined(self, upload: str, sent: list[Sent]) -> ObjectInfo:
        parts = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumCRC32": crc.text_of(part.crc)} for part in sent
        ]
        whole: dict[str, Any] = {
            "UploadId": upload,
            "MultipartUpload": {"Parts": parts},
            "ChecksumType": "FULL_OBJECT",
            "ChecksumCRC32": crc.text_of(crc.combined((part.crc, part.size_bytes) for part in sent)),
        }

        def request(client: S3Client) -> Mapping[str, Any]:
            return self._insisting(
                client, lambda: client.complete_multipart_upload(**self._named, **self._condition, **whole)
            )

        answer = await self._bucket.ask(request, self._key, conditional=self._conditional)
        return self._info(answer, sum(part.size_bytes for part in sent))

    def _insisting(self, client: S3Client, request: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """The answer to a request that makes the object seen, in a thread."""
        for attempt in range(ATTEMPTS):
            try:
                return request()
            except ClientError as error:
                if code_of(error) in LOST and was_repeated(error.response):
                    answer = self._bucket.head(client, self._key)
                    if mark_of(answer) == self._mark:
                        return answer
                if not _met_another(error) or attempt == ATTEMPTS - 1:
                    raise
                time.sleep(PAUSE_S * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311 - so that two that met part
        raise AssertionError("not reached")

    def _info(self, answer: Mapping[str, Any], size_bytes: int) -> ObjectInfo:
        return ObjectInfo(
            self._key,
            size_bytes,
            etag_of(answer),
            date_of(answer),
            self._content_type,
            self._metadata,
            version_of(answer),
        )

    def _create(self, client: S3Client) -> str:
        opened = client.create_multipart_upload(
            **self._named, **self._about, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
        )
        return opened["UploadId"]

    def _send(self, upload: str, number: int, block: bytes | bytearray) -> Sent:
        checksum = zlib.crc32(block)
        part: dict[str, Any] = {
            "UploadId": upload,
            "PartNumber": number,
            "Body": block,
            "ChecksumCRC32": crc.text_of(checksum),
        }
        answer = self._bucket.asked(lambda client: client.upload_part(**self._named, **part), self._key)
        return Sent(number, answer["ETag"], checksum, len(block))

    def _start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return self._bucket.connection.start(work)

    def _start_abort(self, upload: str) -> None:
        self._start(partial(self._abort, upload))

    async def _give_up(self, upload: str, jobs: list[asyncio.Future[Sent]]) -> None:
        # A part that arrives after the abort would stay for ever.
        await asyncio.gather(*jobs, return_exceptions=True)
        await self._start(partial(self._abort, upload))

    def _abort(self, upload: str) -> None:
        try:
            self._bucket.asked(partial(drop, self._named, upload), self._key)
        except PolyvoxError as error:
            log.warning("the upload %s of %s stays in the store for now: %s", upload, self._key, error)


def _met_another(error: ClientError) -> bool:
    """Whether the same put may succeed at once: what stood in its way was another at the same moment."""
    # MinIO denies access to a put whose folder goes meanwhile, because the only other object in it is deleted.
    minio_met = code_of(error) == "AccessDenied" and server_of(error.response).startswith("minio")
    return minio_met or code_of(error) in ("ConditionalRequestConflict", "OperationAborted")


def drop(named: Mapping[str, Any], upload: str, client: S3Client) -> None:
    """Forget an upload in parts, and do not mind when there is none."""
    try:
        client.abort_multipart_upload(**named, UploadId=upload)
    except ClientError as error:
        if code_of(error) != "NoSuchUpload":
            raise
