"""Uploads in parts that time, trouble or a crash left unfinished: finished or removed, on both stores."""

from __future__ import annotations

import pytest

from ingest.upload.sweep import Swept
from polyvox import keys
from tests.support.parts import (
    begin,
    complete,
    nothing_is_left,
    send,
    state,
    the_open_part,
)
from tests.support.uploads import Ingest


async def test_the_sweep_removes_what_expired_and_forgets_what_was_completed(ingest: Ingest) -> None:
    abandoned, finished = await begin(ingest, key="k"), await begin(ingest)
    await send(ingest, abandoned, 1)
    await send(ingest, finished, 1, 2, 3)
    await complete(ingest, finished)
    ingest.clock.ahead_s = 22.9 * 3600
    assert await ingest.sweep().once() == Swept()
    ingest.clock.ahead_s = 23.1 * 3600
    assert (await state(ingest, abandoned)).status_code == 410
    ingest.clock.ahead_s = 24 * 3600
    assert await ingest.sweep().once() == Swept(expired=1)
    assert (await state(ingest, abandoned)).status_code == 404
    assert [found async for found in ingest.store.open_parts("")] == []
    ingest.clock.ahead_s = 26 * 3600
    assert await ingest.sweep().once() == Swept(expired=1)
    assert await ingest.keys("uploads/") == []
    assert len(await ingest.keys("media/")) == 2


async def test_parts_without_a_session_are_swept_after_a_day(ingest: Ingest) -> None:
    original = keys.original("0198c9d2-0000-7000-8000-000000000000")
    upload = await ingest.store.begin_parts(original)
    await ingest.store.put_part(original, upload, 1, b"left by a crash")
    assert await ingest.sweep().once() == Swept()
    ingest.clock.ahead_s = 25 * 3600
    assert await ingest.sweep().once() == Swept(expired=1)
    assert await nothing_is_left(ingest)


@pytest.mark.parametrize("operation", ["put uploads/pending", "put upload.json", "append", "put uploads/direct"])
async def test_trouble_at_any_step_loses_nothing_and_completing_again_goes_on(ingest: Ingest, operation: str) -> None:
    upload = await begin(ingest)
    await send(ingest, upload, 1, 2, 3)
    verb, _, name = operation.partition(" ")
    (ingest.log if verb == "append" else ingest.store).faults.fail(verb, matching=name)
    for _ in range(2):
        assert (await complete(ingest, upload)).status_code == 503
    assert (await state(ingest, upload)).json()["status"] == "open"
    ingest.store.faults.heal()
    ingest.log.faults.heal()
    assert (await complete(ingest, upload)).status_code == 202
    assert {event.data.media_id for event in await ingest.uploaded()} == {upload["media_id"]}
    assert await ingest.keys("uploads/pending/") == []


@pytest.mark.parametrize("operation", ["put upload.json", "append", "put uploads/direct"])
async def test_the_sweep_finishes_what_was_whole_when_the_process_died(ingest: Ingest, operation: str) -> None:
    upload = await begin(ingest)
    await send(ingest, upload, 1, 2, 3)
    verb, _, name = operation.partition(" ")
    (ingest.log if verb == "append" else ingest.store).faults.fail(verb, matching=name)
    assert (await complete(ingest, upload)).status_code == 503
    ingest.store.faults.heal()
    ingest.log.faults.heal()
    ingest.clock.ahead_s = 3600
    assert await ingest.sweep().once() == Swept(announced=1)
    assert {event.data.media_id for event in await ingest.uploaded()} == {upload["media_id"]}
    assert await ingest.keys("uploads/pending/") == []
    assert (await complete(ingest, upload)).status_code == 202


async def test_the_sweep_leaves_parts_that_were_not_joined_to_whoever_sent_them(ingest: Ingest) -> None:
    upload = await begin(ingest)
    await send(ingest, upload, 1, 2, 3)
    await ingest.store.put(keys.pending_upload(upload["upload_id"]), b"{}")
    ingest.clock.ahead_s = 3600
    await ingest.sweep().once()
    assert await ingest.keys("uploads/pending/") == []
    assert (await complete(ingest, upload)).status_code == 202


async def test_a_joined_upload_that_expires_unaccepted_is_removed_whole(ingest: Ingest) -> None:
    upload = await begin(ingest)
    await send(ingest, upload, 1, 2, 3)
    original, store_upload = await the_open_part(ingest)
    await ingest.store.join_parts(original, store_upload, await ingest.store.parts(original, store_upload))
    ingest.clock.ahead_s = 25 * 3600
    assert await ingest.sweep().once() == Swept(expired=1)
    assert await nothing_is_left(ingest)
