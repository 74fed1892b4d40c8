"""What a watcher makes of real buckets: versions, tags, metadata, keys of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest

from infra.native import Minio
from ingest.bucket import service
from polyvox import bootstrap, keys, topics
from polyvox.contracts import MediaUploaded
from polyvox.ports import Message
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.buckets import client_of, new_bucket, s3_settings
from tests.support.polling import until
from tests.support.reading import told

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass
class Here:
    """A watcher that sweeps all the time, and the bucket it watches."""

    runtime: Runtime
    client: S3Client
    bucket: str

    async def put(self, key: str, body: bytes = b"sound", **more: Any) -> str | None:
        """The version, if the bucket keeps any."""
        answer = await asyncio.to_thread(self.client.put_object, Bucket=self.bucket, Key=key, Body=body, **more)
        return answer.get("VersionId")

    async def tell(self, key: str, version: str | None, etag: str = "e") -> None:
        told_of = {"key": quote_plus(key), "size": 5, "eTag": etag, "versionId": version}
        record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": self.bucket}, "object": told_of}}
        body = json.dumps({"Records": [record]}).encode()
        await self.runtime.log.append([Message(topics.BUCKET_EVENTS.name, key, body)])

    async def announced(self, count: int) -> list[MediaUploaded] | None:
        facts = [envelope.data for envelope in await told(self.runtime.log, MediaUploaded)]
        assert len(facts) <= count, [fact.original.key for fact in facts]
        return facts if len(facts) == count else None

    async def swept_again(self) -> None:
        """Waits for a whole sweep that begins after this call."""
        prefix = f"{keys.BUCKET_SWEEPS}{self.bucket}"
        for _ in range(2):
            last = await self._noted(prefix)
            await until(lambda last=last: self._swept(prefix, last))

    async def _swept(self, prefix: str, last: list[str]) -> bool:
        return await self._noted(prefix) != last

    async def _noted(self, prefix: str) -> list[str]:
        return [info.etag async for info in self.runtime.store.list(prefix)]


@contextlib.asynccontextmanager
async def watching(folder: Path, minio: Minio, *, versions: bool = False, **watch: Any) -> AsyncIterator[Here]:
    client, bucket = client_of(minio), new_bucket(minio)
    if versions:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    watched = {"bucket": bucket, "prefix": "in/", "sidecar_wait_s": 0.0, "settle_s": 0.0, **watch}
    settings = Settings(
        data_dir=folder,
        watches=json.dumps([watched]),
        sweep_every_s=0.1,
        sweep_at_most_s=0.1,
        **s3_settings(minio, s3_prefix="own/"),
    )
    async with bootstrap.runtime(settings, member="watcher") as runtime:
        working = asyncio.create_task(service.work(runtime))
        try:
            yield Here(runtime, client, bucket)
        finally:
            runtime.stopping.set()
            await working
            client.close()


async def test_every_version_that_was_told_of_is_a_recording_and_the_sweep_knows_them(
    tmp_path: Path, minio_server: Minio
) -> None:
    async with watching(tmp_path, minio_server, versions=True, settle_s=3600.0) as here:
        first = await here.put("in/a b.wav", b"one")
        second = await here.put("in/a b.wav", b"one")
        for version in (first, second, first):
            await here.tell("in/a b.wav", version)
        facts = await until(lambda: here.announced(2))
        assert {fact.original.version for fact in facts} == {first, second}
    settings = here.runtime.settings
    watch = json.loads(settings.watches or "")[0] | {"settle_s": 0.0}
    again = settings.model_copy(update={"watches": json.dumps([watch])})
    async with bootstrap.runtime(again, member="watcher") as runtime:
        working = asyncio.create_task(service.work(runtime))
        swept = Here(runtime, here.client, here.bucket)
        await swept.swept_again()
        assert await swept.announced(2)
        ledger = [info.key async for info in runtime.store.list(keys.BUCKET_LEDGER)]
        runtime.stopping.set()
        await working
    assert len(ledger) == 2


async def test_the_sweep_takes_the_current_version_that_nobody_told_of(tmp_path: Path, minio_server: Minio) -> None:
    async with watching(tmp_path, minio_server, versions=True) as here:
        version = await here.put("in/a.wav")
        (fact,) = await until(lambda: here.announced(1))
        assert fact.original.version == version
        await here.swept_again()
        await here.tell("in/a.wav", version)
        await here.swept_again()
        assert await here.announced(1)


async def test_options_come_from_metadata_tags_and_sidecar(tmp_path: Path, minio_server: Minio) -> None:
    async with watching(tmp_path, minio_server, tags=True, settle_s=0.5) as here:
        await here.put("in/a.wav.json", '{"num_speakers": 2, "metadata": {"who": "Jürgen"}}'.encode())
        await here.put(
            "in/a.wav",
            Metadata={"polyvox-language": "fr", "polyvox-metadata-case": "17"},
            Tagging="polyvox-language=de&other=x",
            ContentType="audio/wav",
        )
        (fact,) = await until(lambda: here.announced(1))
    options = fact.options
    assert (options.language, options.num_speakers, options.metadata) == ("de", 2, {"case": "17", "who": "Jürgen"})
    assert (fact.original.content_type, fact.refused) == ("audio/wav", None)


async def test_keys_of_every_kind_are_found_once(tmp_path: Path, minio_server: Minio) -> None:
    found = [
        "in/plain.wav",
        "in/with space (1).wav",
        "in/with",
        "in/with!",
        "in/percent%20+plus&.wav",
        "in/Gespräch 会議 🎙.wav",
        "in/a$b#c.wav",
        "in/deep/er/and/deeper.wav",
        f"in/{'long' * 60}.wav",
        f"in/{'/'.join('x' * 100 for _ in range(9))}",
        "in/no-suffix",
        "in/empty.wav",
    ]
    async with watching(tmp_path, minio_server) as here:
        for key in found:
            await here.put(key, b"" if "empty" in key else key.encode())
        await here.put("out/other.wav")
        await here.put("in/folder/", b"")
        facts = await until(lambda: here.announced(len(found)), deadline_s=90.0)
        await here.swept_again()
        assert await here.announced(len(found))
        ledger = [info.key async for info in here.runtime.store.list(keys.BUCKET_LEDGER)]
    assert sorted(fact.original.key for fact in facts) == sorted(found)
    assert len(ledger) == len(found)


async def test_objects_in_parts_are_found_by_the_etag_of_parts(tmp_path: Path, minio_server: Minio) -> None:
    async with watching(tmp_path, minio_server) as here:
        begun = await asyncio.to_thread(here.client.create_multipart_upload, Bucket=here.bucket, Key="in/a.wav")
        where: Any = {"Bucket": here.bucket, "Key": "in/a.wav", "UploadId": begun["UploadId"]}
        part = await asyncio.to_thread(here.client.upload_part, **where, PartNumber=1, Body=b"x" * (5 << 20))
        await here.swept_again()
        assert await here.announced(0) == []
        done: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        await asyncio.to_thread(here.client.complete_multipart_upload, **where, MultipartUpload=done)
        (fact,) = await until(lambda: here.announced(1))
        async with here.runtime.bucket(here.bucket).local_file("in/a.wav", version=fact.original.version) as file:
            assert file.stat().st_size == fact.original.size_bytes == 5 << 20
    assert (fact.original.version or "").endswith("-1")


def test_a_watch_on_what_polyvox_keeps_is_refused_before_it_starts(tmp_path: Path) -> None:
    from polyvox.errors import Fatal

    settings = Settings(data_dir=tmp_path, watches='[{"prefix": "own/"}]', s3_bucket="polyvox", s3_prefix="own/")
    with pytest.raises(Fatal, match="own/media/"):
        service.load_watches(settings)
