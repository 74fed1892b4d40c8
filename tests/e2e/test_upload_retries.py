"""One Idempotency-Key, one recording: across retries, races, crashes and deletion; and the sweep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from ingest.upload.sweep import Swept
from polyvox import keys
from tests.support.uploads import Ingest, running_ingest, wav


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with running_ingest(tmp_path) as running:
        yield running


async def post(ingest: Ingest, key: str, data: bytes = wav(), **options: str) -> httpx.Response:
    return await ingest.client.post(
        "/v1/media", files={"file": ("a.wav", data)}, data=options, headers={"Idempotency-Key": key}
    )


async def ids_on_log(ingest: Ingest) -> set[tuple[str, str]]:
    """(event id, media id): what consumers tell apart."""
    return {(event.id, event.data.media_id) for event in await ingest.uploaded()}


async def test_a_retry_is_answered_like_the_first_and_stores_nothing(ingest: Ingest) -> None:
    first = await post(ingest, "order 17/a", language="en")
    puts = ingest.store.puts
    again = await post(ingest, "order 17/a", language="en")
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"
    assert len(await ingest.uploaded()) == 1
    assert await ingest.keys("media/") == [
        keys.original(first.json()["media_id"]),
        keys.upload_manifest(first.json()["media_id"]),
    ]
    assert ingest.store.puts == puts + 1  # the claim, which lost


async def test_other_keys_and_no_key_make_other_recordings(ingest: Ingest) -> None:
    answers = [await post(ingest, "a"), await post(ingest, "b")]
    answers += [await ingest.client.post("/v1/media", content=wav()) for _ in range(2)]
    assert len({answer.json()["media_id"] for answer in answers}) == 4


async def test_media_ids_sort_by_time(ingest: Ingest) -> None:
    made = []
    for number in range(5):
        made.append((await post(ingest, str(number))).json()["media_id"])
        await asyncio.sleep(0.002)
    assert made == sorted(made)


@pytest.mark.parametrize("change", ["bytes", "options"])
async def test_a_key_with_other_bytes_or_options_is_422(ingest: Ingest, change: str) -> None:
    await post(ingest, "k", language="en")
    other = await post(ingest, "k", wav(level=7), language="en") if change == "bytes" else await post(ingest, "k")
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency-key-reused"
    assert len(await ingest.uploaded()) == 1
    assert (await post(ingest, "k", language="en")).status_code == 202


async def test_requests_that_race_with_one_key_make_one_recording(ingest: Ingest) -> None:
    answers = await asyncio.gather(*(post(ingest, "race", wav(20.0)) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    [media_id] = {answer.json()["media_id"] for answer in answers}
    assert len(await ids_on_log(ingest)) == 1
    assert await ingest.store.get(keys.original(media_id)) == wav(20.0)
    assert await ingest.keys("uploads/pending/") == []


async def test_of_different_uploads_that_race_with_one_key_one_wins(ingest: Ingest) -> None:
    for round_number in range(5):
        contents = [wav(5.0, level=level) for level in range(4)]
        key = f"race {round_number}"
        answers = await asyncio.gather(*(post(ingest, key, content) for content in contents))
        statuses = [answer.status_code for answer in answers]
        assert statuses.count(202) == 1, statuses
        assert set(statuses) <= {202, 409, 422}
        winner = statuses.index(202)
        assert await ingest.store.get(keys.original(answers[winner].json()["media_id"])) == contents[winner]
    assert len(await ids_on_log(ingest)) == 5


@pytest.mark.parametrize("broken", ["put original", "put upload.json", "append", "put idempotency", "delete pending"])
async def test_a_retry_after_trouble_at_any_step_finishes_the_same_recording(ingest: Ingest, broken: str) -> None:
    verb, _, name = broken.partition(" ")
    (ingest.log if verb == "append" else ingest.store).faults.fail(verb, matching=name)
    first = await post(ingest, "k", wav(3.0), language="en")
    assert first.status_code == (202 if verb == "delete" else 503)
    ingest.store.faults.heal()
    ingest.log.faults.heal()
    again = await post(ingest, "k", wav(3.0), language="en")
    assert again.status_code == 202
    media_id = again.json()["media_id"]
    [(_, announced)] = await ids_on_log(ingest)
    assert announced == media_id
    assert await ingest.store.get(keys.original(media_id)) == wav(3.0)
    assert (await post(ingest, "k", wav(3.0), language="en")).json() == again.json()


async def test_what_was_stored_before_a_crash_is_not_replaced_by_other_bytes(ingest: Ingest) -> None:
    ingest.store.faults.fail("put", matching="upload.json")
    assert (await post(ingest, "k", wav(level=1))).status_code == 503
    ingest.store.faults.heal()
    other = await post(ingest, "k", wav(level=2))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-busy")
    ingest.clock.ahead_s = 3600
    assert await ingest.sweep().once() == Swept(removed=1)
    ingest.clock.ahead_s = 0
    assert (await post(ingest, "k", wav(level=2))).status_code == 202


async def test_a_refused_upload_does_not_use_up_its_key(ingest: Ingest) -> None:
    assert (await post(ingest, "k", b"text")).status_code == 415
    assert (await post(ingest, "k", wav(), language="english")).status_code == 400
    assert (await post(ingest, "k", wav())).status_code == 202


async def test_a_retry_after_the_recording_was_deleted_does_not_bring_it_back(ingest: Ingest) -> None:
    first = await post(ingest, "k")
    for key in await ingest.keys("media/"):
        await ingest.store.delete(key)
    again = await post(ingest, "k")
    assert (again.status_code, again.json()) == (202, first.json())
    assert await ingest.keys("media/") == []
    assert len(await ingest.uploaded()) == 1


async def test_a_key_is_forgotten_after_a_week(ingest: Ingest) -> None:
    first = await post(ingest, "k")
    ingest.clock.ahead_s = 6.9 * 86_400
    assert await ingest.sweep().once() == Swept()
    ingest.clock.ahead_s = 7.1 * 86_400
    assert await ingest.sweep().once() == Swept(forgotten_keys=1)
    again = await post(ingest, "k")
    assert again.status_code == 202
    assert again.json()["media_id"] != first.json()["media_id"]


async def crashed(ingest: Ingest, before: str) -> str:
    """An upload whose process died just before ``before``; returns its media id."""
    ingest.store.faults.fail("delete")
    verb, _, name = before.partition(" ")
    (ingest.log if verb == "append" else ingest.store).faults.fail(verb, matching=name)
    await ingest.client.post("/v1/media", content=wav())
    ingest.store.faults.heal()
    ingest.log.faults.heal()
    [pending] = await ingest.keys("uploads/pending/")
    return pending.removeprefix("uploads/pending/").removesuffix(".json")


async def test_the_sweep_removes_an_original_without_manifest(ingest: Ingest) -> None:
    media_id = await crashed(ingest, "put upload.json")
    assert keys.original(media_id) in await ingest.keys()
    assert await ingest.sweep().once() == Swept()
    ingest.clock.ahead_s = 3600
    assert await ingest.sweep().once() == Swept(removed=1)
    assert await ingest.keys() == []
    assert await ingest.uploaded() == []


async def test_the_sweep_announces_an_accepted_upload_that_never_reached_the_log(ingest: Ingest) -> None:
    media_id = await crashed(ingest, "append")
    assert await ingest.uploaded() == []
    ingest.clock.ahead_s = 3600
    assert await ingest.sweep().once() == Swept(announced=1)
    assert await ingest.sweep().once() == Swept()
    [event] = await ingest.uploaded()
    assert event.data.media_id == media_id
    assert await ingest.keys() == [keys.original(media_id), keys.upload_manifest(media_id)]


async def test_the_sweep_leaves_finished_uploads_alone_and_goes_on_after_trouble(ingest: Ingest) -> None:
    await ingest.client.post("/v1/media", content=wav())
    media_id = await crashed(ingest, "append")
    ingest.clock.ahead_s = 3600
    ingest.log.faults.fail("append")
    stopping = asyncio.Event()
    running = asyncio.create_task(ingest.sweep().run(stopping, every_s=0.02))
    await asyncio.sleep(0.1)
    assert len(await ingest.uploaded()) == 1
    ingest.log.faults.heal()
    async with asyncio.timeout(20):
        while len(await ingest.uploaded()) < 2:
            await asyncio.sleep(0.01)
        while await ingest.keys("uploads/"):
            await asyncio.sleep(0.01)
    stopping.set()
    await running
    assert media_id in {event.data.media_id for event in await ingest.uploaded()}
    assert len(await ingest.keys("media/")) == 4
