"""The normaliser on recordings whose original lies in somebody else's bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polyvox import keys
from polyvox.adapters.filesystem import FolderStore
from polyvox.contracts import MediaReady, MediaUploaded, StageFailed
from polyvox.contracts.media_uploaded import Refused, StoredObject
from tests.e2e.test_normaliser import UPLOADED_AT, Bench, normalising
from tests.support.media import tone, wav
from tests.support.polling import until

KEY = "in/talk.wav"


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[FolderStore]:
    store = FolderStore(tmp_path / "data" / "buckets" / "calls")
    yield store
    await store.close()


async def accepted(bench: Bench, bucket: FolderStore, body: bytes, **more: Any) -> MediaUploaded:
    """As the bucket watcher leaves it."""
    info = await bucket.put(KEY, body)
    fact = MediaUploaded(
        media_id="recording-1",
        tenant="acme",
        lane="bulk",
        original=StoredObject(bucket="calls", key=KEY, version=info.etag, size_bytes=info.size_bytes),
        uploaded_at=UPLOADED_AT,
        **more,
    )
    await bench.runtime.store.put(keys.upload_manifest("recording-1"), fact.model_dump_json().encode())
    return fact


async def test_an_original_is_read_where_it_is_and_stays_there(tmp_path: Path, bucket: FolderStore) -> None:
    async with normalising(tmp_path) as bench:
        await bench.announce(await accepted(bench, bucket, wav(tone(2.0))))
        ready = (await bench.outcome("recording-1"))[0].data
        assert isinstance(ready, MediaReady)
        assert (ready.duration_s, ready.lane) == (2.0, "bulk")
        stored = [info.key async for info in bench.runtime.store.list("media/")]
    assert keys.original("recording-1") not in stored
    assert (await bucket.head(KEY)).size_bytes == len(wav(tone(2.0)))


@pytest.mark.parametrize("change", ["removed", "overwritten"])
async def test_an_original_that_is_not_the_one_announced_fails_with_a_reason(
    tmp_path: Path, bucket: FolderStore, change: str
) -> None:
    async with normalising(tmp_path) as bench:
        fact = await accepted(bench, bucket, wav(tone(2.0)))
        if change == "removed":
            await bucket.delete(KEY)
        else:
            await bucket.put(KEY, wav(tone(1.0)))
        await bench.announce(fact)
        failed = (await bench.outcome("recording-1"))[0].data
    assert isinstance(failed, StageFailed)
    assert (failed.code, failed.attempts) == ("source-gone", 1)
    assert "s3://calls/in/talk.wav was removed or overwritten" in failed.reason


async def test_a_recording_deleted_before_it_is_decoded_leaves_its_original_alone(
    tmp_path: Path, bucket: FolderStore
) -> None:
    async with normalising(tmp_path) as bench:
        fact = await accepted(bench, bucket, wav(tone(2.0)))
        await bench.runtime.store.delete(keys.upload_manifest("recording-1"))
        await bench.announce(fact)
        await until(bench.no_lag, what="the event of the deleted recording to be handled")
        assert await bench.events(StageFailed) == await bench.events(MediaReady) == []
        assert [info.key async for info in bench.runtime.store.list("media/")] == []
    assert (await bucket.head(KEY)).etag == fact.original.version


async def test_a_refused_recording_fails_with_its_reason_and_is_no_dead_letter(
    tmp_path: Path, bucket: FolderStore
) -> None:
    async with normalising(tmp_path) as bench:
        refused = Refused(code="bad-option", reason="There is no option 'langauge'.")
        await bench.announce(await accepted(bench, bucket, wav(tone(2.0)), refused=refused))
        failed = (await bench.outcome("recording-1"))[0].data
        bounds = await bench.runtime.log.bounds("normaliser-dead-letters")
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.code, failed.reason) == ("normalise", refused.code, refused.reason)
    assert all(first == end for first, end in bounds.values())
