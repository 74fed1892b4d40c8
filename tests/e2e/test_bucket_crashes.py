"""A watcher that dies between any two of its steps loses nothing and announces nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest.bucket import ledger, service
from ingest.bucket.leftovers import UNFINISHED_AFTER_S
from polyvox import keys
from tests.support.polling import until
from tests.support.watching import WATCH, World, notification, world

SWEEP_OFTEN: dict[str, Any] = {"sweep_every_s": 0.05, "sweep_at_most_s": 0.05}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def dies(here: World, operation: str, matching: str, *, on_log: bool = False, member: str = "watcher") -> None:
    """A watcher that hangs at its first ``operation`` on such a name, and is killed there."""
    # The sweep leaves it to the notification, so that there is one batch to die in.
    runtime = here.runtime(member=member, watches=[{**WATCH, "settle_s": 3600.0}])
    faults = runtime.log.faults if on_log else runtime.store.faults  # type: ignore[attr-defined]
    reached = faults.hang(operation, matching=matching)
    working = asyncio.create_task(service.work(runtime))
    async with asyncio.timeout(90):
        await reached.wait()
    # Killed: whatever the tasks would still do goes nowhere.
    for each in (runtime.store, runtime.log):
        for every in ("put", "get", "head", "delete", "append", "bounds"):
            each.faults.hang(every)  # type: ignore[attr-defined]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


STEPS = [
    pytest.param("put", keys.BUCKET_BATCHES, False, id="before-the-batch"),
    pytest.param("put", "upload.json", False, id="before-the-manifest"),
    pytest.param("put", keys.BUCKET_LEDGER, False, id="before-the-ledger"),
    pytest.param("append", "media-uploaded-bulk", True, id="before-the-event"),
    pytest.param("delete", keys.BUCKET_BATCHES, False, id="before-the-end"),
]


@pytest.mark.parametrize(("operation", "matching", "on_log"), STEPS)
async def test_what_a_killed_watcher_left_is_finished_by_its_next_start(
    here: World, operation: str, matching: str, on_log: bool
) -> None:
    await here.drop_and_tell("in/a.wav")
    await dies(here, operation, matching, on_log=on_log)
    async with here.watching(**SWEEP_OFTEN):
        await until(here.announced)
        await until(lambda: _is_clear(here))
        await here.drop_and_tell("in/b.wav")
        await until(lambda: _counts(here, 2))
    assert await here.names() == ["in/a.wav", "in/b.wav"]
    assert len(await here.stored("media/")) == 2
    assert len(await here.stored(keys.BUCKET_LEDGER)) == 2


@pytest.mark.parametrize(("operation", "matching", "on_log"), STEPS[1:])
async def test_what_a_watcher_left_that_never_came_back_is_finished_by_another(
    here: World, operation: str, matching: str, on_log: bool
) -> None:
    """Even when the object itself is gone meanwhile: it was accepted."""
    await here.drop_and_tell("in/a.wav")
    await dies(here, operation, matching, on_log=on_log)
    await here.bucket.delete("in/a.wav")
    here.clock.ahead_s = UNFINISHED_AFTER_S + 60
    async with here.watching(member="another"):
        await until(here.announced)
        await until(lambda: _is_clear(here))
    assert await here.names() == ["in/a.wav"]


async def test_a_recording_that_was_deleted_after_the_crash_does_not_come_back(here: World) -> None:
    await here.drop_and_tell("in/a.wav")
    await dies(here, "delete", keys.BUCKET_BATCHES)
    (fact,) = await here.announced()
    await here.delete_recording(fact.media_id)
    async with here.watching(**SWEEP_OFTEN):
        await until(lambda: _is_clear(here))
        await here.drop_and_tell("in/b.wav")
        await until(lambda: _counts(here, 2))
    assert await here.stored(keys.media_prefix(fact.media_id)) == []


async def test_a_crash_while_a_deleted_recording_is_told_of_again_leaves_nothing(here: World) -> None:
    info = await here.drop_and_tell("in/a.wav")
    async with here.watching():
        (fact,) = await until(here.announced)
        await until(here.is_read)
    await here.delete_recording(fact.media_id)
    await here.tell(notification("in/a.wav", info))
    await dies(here, "put", keys.BUCKET_LEDGER)
    assert await here.stored(keys.media_prefix(fact.media_id)), "the manifest was written before the ledger was asked"
    async with here.watching():
        await until(lambda: _is_clear(here))
        await until(here.is_read)
    assert await here.stored(keys.media_prefix(fact.media_id)) == []
    assert len(await here.announced()) == 1


async def test_store_and_log_in_trouble_only_delay(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_PATIENCE", ledger.RetryPolicy(base_s=0.01, max_s=0.02))
    async with here.watching() as runtime:
        runtime.store.faults.fail("put", matching="upload.json")  # type: ignore[attr-defined]
        await here.drop_and_tell("in/a.wav")
        await until(lambda: here.stored(keys.BUCKET_BATCHES))
        runtime.log.faults.fail("append", matching="media-uploaded-bulk")  # type: ignore[attr-defined]
        runtime.store.faults.heal()  # type: ignore[attr-defined]
        await until(lambda: here.stored(keys.BUCKET_LEDGER))
        assert await here.announced() == []
        assert not await here.is_read()
        runtime.log.faults.heal()  # type: ignore[attr-defined]
        await until(here.announced)
        await until(here.is_read)
    assert await here.stored(keys.BUCKET_BATCHES) == []


async def _is_clear(here: World) -> bool:
    return await here.stored(keys.BUCKET_BATCHES) == []


async def _counts(here: World, count: int) -> Any:
    facts = await here.announced()
    assert len(facts) <= count, sorted(fact.original.key for fact in facts)
    return facts if len(facts) == count else None
