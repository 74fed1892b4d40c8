"""Uploads in parts, on both stores: begun, sent in any order, completed once, whatever is repeated."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ingest.parts.session import PART_BYTES
from polyvox import keys, metrics
from tests.support.parts import (
    RECORDING,
    SIZE_BYTES,
    begin,
    complete,
    nothing_is_left,
    send,
    state,
    stored_sha256,
    the_open_part,
)
from tests.support.uploads import Ingest


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
        ({"size_bytes": 10, "options": {"num_speakers": "2"}}, 400, "bad-option"),
        ({"size_bytes": 10, "options": {"num_speakers": 2.5}}, 400, "bad-option"),
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


async def test_a_number_without_a_fraction_is_a_whole_one_however_json_writes_it(ingest: Ingest) -> None:
    options = {"num_speakers": 2.0, "temperature": 0.0}
    assert (await ingest.client.post("/v1/uploads", json={"size_bytes": 10.0, "options": options})).status_code == 201


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
