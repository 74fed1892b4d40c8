"""Uploads in parts, on both stores: begun, sent in any order, completed once, whatever is repeated or goes wrong."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.parts.session import PART_BYTES
from ingest.upload.sweep import Swept
from polyvox import keys, metrics
from polyvox.ports import ObjectStore
from tests.support.buckets import s3_settings
from tests.support.uploads import Ingest, running_ingest, wav_of

SIZE_BYTES = 2 * PART_BYTES + 12_345
RECORDING = wav_of(SIZE_BYTES)


@pytest.fixture(params=["folder", "minio"])
async def ingest(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ingest]:
    own = {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))
    async with running_ingest(tmp_path, max_upload_bytes=64 << 20, **own) as running:
        yield running


async def begin(ingest: Ingest, size_bytes: int = SIZE_BYTES, *, key: str | None = None, **more: Any) -> dict[str, Any]:
    answer = await ingest.client.post(
        "/v1/uploads",
        json={"size_bytes": size_bytes, "filename": "long.wav", **more},
        headers={"Idempotency-Key": key} if key else {},
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/uploads/{answer.json()['upload_id']}"
    return dict(answer.json())


async def send(ingest: Ingest, upload: dict[str, Any], *numbers: int, data: bytes = RECORDING) -> dict[int, str]:
    """PUT parts to where they belong; gives their ETags."""
    asked = await ingest.client.post(f"/v1/uploads/{upload['upload_id']}/urls", json={"numbers": list(numbers)})
    assert asked.status_code == 200, asked.text
    etags = {}
    for place in asked.json()["urls"]:
        start = (place["number"] - 1) * upload["part_bytes"]
        part = data[start : start + upload["part_bytes"]]
        answer = await ingest.client.put(ingest.client.base_url.join(place["url"]), content=part)
        assert answer.status_code == 200, answer.text
        etags[place["number"]] = answer.headers["etag"]
    return etags


async def complete(ingest: Ingest, upload: dict[str, Any], etags: dict[int, str] | None = None) -> httpx.Response:
    body = None if etags is None else {"parts": [{"number": number, "etag": etag} for number, etag in etags.items()]}
    return await ingest.client.post(f"/v1/uploads/{upload['upload_id']}/complete", json=body)


async def state(ingest: Ingest, upload: dict[str, Any]) -> httpx.Response:
    return await ingest.client.get(f"/v1/uploads/{upload['upload_id']}")


async def stored_sha256(store: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    async for chunk in store.stream(key):
        digest.update(chunk)
    return digest.hexdigest()


async def nothing_is_left(ingest: Ingest) -> bool:
    open_parts = [found async for found in ingest.store.open_parts("")]
    return await ingest.keys() == [] and open_parts == [] and await ingest.uploaded() == []


async def test_parts_in_any_order_become_one_recording(ingest: Ingest) -> None:
    upload = await begin(ingest, options={"language": "DE", "metadata": {"case": "17"}, "prompt": None}, lane="bulk")
    assert (upload["part_bytes"], upload["part_count"], upload["status"]) == (PART_BYTES, 3, "open")
    etags = {**await send(ingest, upload, 3, 1), **await send(ingest, upload, 2)}
    known = (await state(ingest, upload)).json()["parts"]
    assert [(part["number"], part["size_bytes"]) for part in known] == [(1, PART_BYTES), (2, PART_BYTES), (3, 12_345)]
    answer = await complete(ingest, upload, etags)
    assert answer.status_code == 202, answer.text
    media_id = upload["media_id"]
    assert answer.json() == {"media_id": media_id, "status": "queued", "href": f"/v1/media/{media_id}"}
    assert answer.headers["location"] == f"/v1/media/{media_id}"

    assert await stored_sha256(ingest.store.inner, keys.original(media_id)) == hashlib.sha256(RECORDING).hexdigest()
    [event] = await ingest.uploaded()
    assert (event.data.media_id, event.data.filename, event.data.lane) == (media_id, "long.wav", "bulk")
    assert (event.data.original.size_bytes, event.data.original.content_type) == (SIZE_BYTES, "audio/wav")
    given = event.data.options.model_dump(exclude_defaults=True)
    assert given == {"language": "de", "metadata": {"case": "17"}}
    assert await ingest.keys("uploads/pending/") == []
    assert [found async for found in ingest.store.open_parts("")] == []
    assert (await state(ingest, upload)).json()["status"] == "completed"
    assert ingest.counters.count(metrics.UPLOADS, outcome="accepted") == 1
    assert ingest.counters.count(metrics.UPLOADED_BYTES, lane="bulk", tenant_class="standard") == SIZE_BYTES


async def test_completing_twice_makes_one_recording_even_at_the_same_time(ingest: Ingest) -> None:
    upload = await begin(ingest)
    await send(ingest, upload, 1, 2, 3)
    answers = await asyncio.gather(*(complete(ingest, upload) for _ in range(4)))
    while busy := [answer for answer in answers if answer.status_code == 503]:
        assert {answer.json()["code"] for answer in busy} == {"upload-completing"}
        answers = [answer for answer in answers if answer.status_code != 503] + [await complete(ingest, upload)]
    answers.append(await complete(ingest, upload))
    assert {(answer.status_code, answer.json()["media_id"]) for answer in answers} == {(202, upload["media_id"])}
    assert answers[-1].headers["idempotent-replay"] == "true"
    assert {event.id for event in await ingest.uploaded()} == {(await ingest.uploaded())[0].id}
    assert len(await ingest.keys("media/")) == 2

    for key in await ingest.keys("media/"):
        await ingest.store.delete(key)
    assert (await complete(ingest, upload)).status_code == 202
    assert await ingest.keys("media/") == []


async def test_what_is_missing_differs_or_has_the_wrong_size_is_named_and_can_be_sent_again(ingest: Ingest) -> None:
    upload = await begin(ingest)
    etags = await send(ingest, upload, 2)
    answer = await complete(ingest, upload)
    assert (answer.status_code, answer.json()["code"], answer.json()["numbers"]) == (409, "parts-missing", [1, 3])
    assert await ingest.keys("media/") == []

    await send(ingest, upload, 1, 3)
    answer = await complete(ingest, upload, {**etags, 1: '"00000000000000000000000000000000"'})
    assert (answer.status_code, answer.json()["code"], answer.json()["numbers"]) == (409, "parts-differ", [1])

    original, store_upload = await the_open_part(ingest)
    await ingest.store.put_part(original, store_upload, 2, bytes(PART_BYTES - 1))
    answer = await complete(ingest, upload)
    assert (answer.status_code, answer.json()["code"], answer.json()["numbers"]) == (409, "bad-part-size", [2])
    await ingest.store.put_part(original, store_upload, 4, b"more")
    await send(ingest, upload, 2)
    answer = await complete(ingest, upload)
    assert (answer.status_code, answer.json()["code"], answer.json()["numbers"]) == (409, "parts-surplus", [4])
    assert await ingest.uploaded() == []


async def the_open_part(ingest: Ingest) -> tuple[str, str]:
    [found] = [found async for found in ingest.store.open_parts("media/")]
    return found.key, found.upload


async def test_parts_through_the_api_have_their_size_whatever_the_store(ingest: Ingest) -> None:
    upload = await begin(ingest)
    place = f"/v1/uploads/{upload['upload_id']}/parts"

    async def chunked(data: bytes) -> AsyncIterator[bytes]:
        yield data

    for number, body in ((1, RECORDING[: PART_BYTES - 1]), (3, RECORDING[:12_346])):
        for content in (body, chunked(body)):
            answer = await ingest.client.put(f"{place}/{number}", content=content)
            assert (answer.status_code, answer.json()["code"]) == (400, "bad-part-size")
    for number in (0, 4, 10_001):
        answer = await ingest.client.put(f"{place}/{number}", content=b"x")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-part-number")
    assert (await state(ingest, upload)).json()["parts"] == []

    for number in (1, 2, 3):
        part = RECORDING[(number - 1) * PART_BYTES : number * PART_BYTES]
        answer = await ingest.client.put(f"{place}/{number}", content=chunked(part))
        assert answer.json() == {"number": number, "etag": answer.headers["etag"].strip('"'), "size_bytes": len(part)}
    assert (await complete(ingest, upload)).status_code == 202
    assert (
        await stored_sha256(ingest.store.inner, keys.original(upload["media_id"]))
        == hashlib.sha256(RECORDING).hexdigest()
    )


async def test_what_is_no_recording_is_refused_and_leaves_nothing(ingest: Ingest) -> None:
    text = b"no recording " * 1000
    upload = await begin(ingest, len(text))
    await send(ingest, upload, 1, data=text)
    answer = await complete(ingest, upload)
    assert (answer.status_code, answer.json()["code"]) == (415, "not-media")
    assert await nothing_is_left(ingest)
    assert (await state(ingest, upload)).status_code == 404
    assert ingest.counters.count(metrics.UPLOADS, outcome="not-media") == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"size_bytes": 0}, 400, "empty-file"),
        ({"size_bytes": (64 << 20) + 1}, 413, "too-large"),
        ({"size_bytes": 10, "options": {"langauge": "de"}}, 400, "bad-option"),
        ({"size_bytes": 10, "options": {"num_speakers": "many"}}, 400, "bad-option"),
        ({"size_bytes": 10, "options": {"metadata": {"a": 1}}}, 400, "bad-option"),
        ({"size_bytes": 10, "lane": "fast"}, 422, "invalid-request"),
        ({"size_bytes": -1}, 422, "invalid-request"),
        ({"filename": "a.wav"}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_become_a_recording_is_refused_before_any_byte(
    ingest: Ingest, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await ingest.client.post("/v1/uploads", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await nothing_is_left(ingest)


async def test_beginning_twice_with_one_key_begins_one_upload(ingest: Ingest) -> None:
    first, second = await asyncio.gather(begin(ingest, key="k"), begin(ingest, key="k"))
    assert first["upload_id"] == second["upload_id"]
    assert len([found async for found in ingest.store.open_parts("")]) == 1
    other = await ingest.client.post("/v1/uploads", json={"size_bytes": 7}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    await send(ingest, first, 1, 2, 3)
    await complete(ingest, first)
    assert (await begin(ingest, key="k"))["status"] == "completed"


async def test_an_upload_that_is_given_up_is_gone_and_its_key_free(ingest: Ingest) -> None:
    upload = await begin(ingest, key="k")
    await send(ingest, upload, 1)
    assert (await ingest.client.delete(f"/v1/uploads/{upload['upload_id']}")).status_code == 204
    assert await nothing_is_left(ingest)
    for answer in (await state(ingest, upload), await complete(ingest, upload)):
        assert (answer.status_code, answer.json()["code"]) == (404, "no-upload")
    assert (await begin(ingest, key="k"))["upload_id"] != upload["upload_id"]


async def test_a_completed_upload_takes_no_parts_and_is_not_given_up(ingest: Ingest) -> None:
    upload = await begin(ingest)
    await send(ingest, upload, 1, 2, 3)
    await complete(ingest, upload)
    path = f"/v1/uploads/{upload['upload_id']}"
    for answer in (
        await ingest.client.put(f"{path}/parts/1", content=RECORDING[:PART_BYTES]),
        await ingest.client.post(f"{path}/urls", json={"numbers": [1]}),
        await ingest.client.delete(path),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "upload-completed")


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
