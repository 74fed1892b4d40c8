"""tus 1.0 over a real socket, on both stores: every header and status that clients rely on, and what breaks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.parts.session import PART_BYTES
from ingest.upload.sweep import Swept
from polyvox import keys
from tests.support.buckets import s3_settings
from tests.support.polling import until
from tests.support.server import RawConnection
from tests.support.uploads import Ingest, running_ingest, wav, wav_of

SIZE_BYTES = 2 * PART_BYTES + 12_345
RECORDING = wav_of(SIZE_BYTES)
STREAM = {"Content-Type": "application/offset+octet-stream"}
VERSION = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(params=["folder", "minio"])
async def ingest(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ingest]:
    own = {} if request.param == "folder" else s3_settings(request.getfixturevalue("minio_server"))
    async with running_ingest(tmp_path, max_upload_bytes=64 << 20, **own) as running:
        yield running


def metadata(**pairs: str) -> dict[str, str]:
    return {"Upload-Metadata": ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in pairs.items())}


def checksum(algorithm: str, data: bytes) -> dict[str, str]:
    digest = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {digest}"}


async def call(ingest: Ingest, method: str, url: str = "/v1/tus", data: Any = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await ingest.client.request(method, url, content=data, headers={**VERSION, **named})
    assert answer.headers["tus-resumable"] == "1.0.0", answer
    return answer


async def create(ingest: Ingest, size_bytes: int = SIZE_BYTES, **headers: str) -> str:
    answer = await call(ingest, "POST", Upload_Length=str(size_bytes), **headers)
    assert answer.status_code == 201, answer.text
    assert "upload-expires" in answer.headers
    return str(answer.headers["location"])


async def patch(ingest: Ingest, url: str, offset: int, data: Any, **headers: str) -> httpx.Response:
    return await call(ingest, "PATCH", url, data, Upload_Offset=str(offset), **STREAM, **headers)


async def offset_of(ingest: Ingest, url: str) -> int:
    answer = await call(ingest, "HEAD", url)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return int(answer.headers["upload-offset"])


async def is_stored(ingest: Ingest, url: str, data: bytes = RECORDING) -> bool:
    media_id = url.rpartition("/")[2]
    assert {event.data.media_id for event in await ingest.uploaded()} == {media_id}
    assert await ingest.keys("uploads/tails/") == []
    assert await ingest.keys("uploads/pending/") == []
    assert [found async for found in ingest.store.open_parts("")] == []
    return await ingest.store.inner.get(keys.original(media_id)) == data


async def test_the_server_says_what_it_can(ingest: Ingest) -> None:
    answer = await ingest.client.options("/v1/tus")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(64 << 20)
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation", "creation-with-upload", "creation-defer-length", "termination", "expiration", "checksum"
    }  # fmt: skip
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")


async def test_bytes_in_requests_of_any_size_become_one_recording(ingest: Ingest) -> None:
    about = metadata(filename="Réunion.wav", filetype="audio/wav", language="DE", lane="bulk", empty="", case="17")
    url = await create(ingest, **about)
    offset = 0
    for size_bytes in (1, 70_000, PART_BYTES - 3, 5, PART_BYTES, 0, SIZE_BYTES):
        answer = await patch(ingest, url, offset, RECORDING[offset : offset + size_bytes])
        assert answer.status_code == 204, answer.text
        offset = min(offset + size_bytes, SIZE_BYTES)
        assert answer.headers["upload-offset"] == str(offset)
        assert await offset_of(ingest, url) == offset
    assert await is_stored(ingest, url)
    [event] = await ingest.uploaded()
    assert (event.data.filename, event.data.lane, event.data.original.size_bytes) == ("Réunion.wav", "bulk", SIZE_BYTES)
    given = event.data.options.model_dump(exclude_defaults=True)
    assert given == {"language": "de", "metadata": {"case": "17", "empty": ""}}

    head = await call(ingest, "HEAD", url)
    assert head.headers["upload-metadata"] == about["Upload-Metadata"]
    assert head.headers["upload-length"] == str(SIZE_BYTES)
    again = await patch(ingest, url, SIZE_BYTES, b"")
    assert (again.status_code, again.headers["upload-offset"]) == (204, str(SIZE_BYTES))
    assert (await call(ingest, "DELETE", url)).status_code == 409


async def test_many_small_requests_make_few_objects(ingest: Ingest) -> None:
    data = wav(1.0)
    url = await create(ingest, len(data))
    for start in range(0, 50 * 64, 64):
        assert (await patch(ingest, url, start, data[start : start + 64])).status_code == 204
        assert len(await ingest.keys("uploads/tails/")) <= 34
    await patch(ingest, url, 50 * 64, data[50 * 64 :])
    assert await is_stored(ingest, url, data)


async def test_the_creation_may_hold_the_bytes(ingest: Ingest) -> None:
    data = wav(1.0)
    answer = await call(ingest, "POST", data=data, Upload_Length=str(len(data)), **STREAM)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(data)))
    assert await is_stored(ingest, answer.headers["location"], data)
    wrong = await call(ingest, "POST", data=data, Upload_Length=str(len(data)), Content_Type="audio/wav")
    assert (wrong.status_code, wrong.json()["code"]) == (415, "not-offset-stream")


async def test_the_length_may_come_at_the_end(ingest: Ingest) -> None:
    created = await call(ingest, "POST", Upload_Defer_Length="1")
    url = created.headers["location"]
    assert (await call(ingest, "HEAD", url)).headers["upload-defer-length"] == "1"
    assert (await patch(ingest, url, 0, RECORDING)).status_code == 204
    assert await offset_of(ingest, url) == SIZE_BYTES
    assert await ingest.uploaded() == []
    for length in (SIZE_BYTES - 1, 65 << 20):
        answer = await patch(ingest, url, SIZE_BYTES, b"", Upload_Length=str(length))
        assert answer.status_code in (409, 413)
    assert (await patch(ingest, url, SIZE_BYTES, b"", Upload_Length=str(SIZE_BYTES))).status_code == 204
    assert await is_stored(ingest, url)


async def test_what_came_of_a_request_that_breaks_off_is_kept(ingest: Ingest) -> None:
    url = await create(ingest)
    sent_bytes = PART_BYTES + 2_000_000
    async with RawConnection.to(ingest.url) as client:
        await client.send_head("PATCH", url, **VERSION, Upload_Offset="0", Content_Length=str(SIZE_BYTES), **STREAM)
        await client.send(RECORDING[:sent_bytes])
        client.half_close()
        await until(lambda: ingest.keys("uploads/tails/"))
    offset = await offset_of(ingest, url)
    assert offset == sent_bytes
    assert (await patch(ingest, url, offset, RECORDING[offset:])).status_code == 204
    assert await is_stored(ingest, url)


async def test_a_newcomer_takes_an_upload_over_from_a_request_that_hangs(ingest: Ingest) -> None:
    url = await create(ingest)
    async with RawConnection.to(ingest.url) as client:
        await client.send_head("PATCH", url, **VERSION, Upload_Offset="0", Content_Length=str(SIZE_BYTES), **STREAM)
        await client.send(RECORDING[: PART_BYTES + 100_000])
        [found] = [found async for found in ingest.store.open_parts("")]
        await until(lambda: ingest.store.parts(found.key, found.upload))
        offset = await offset_of(ingest, url)
        assert PART_BYTES <= offset <= PART_BYTES + 100_000
        status, text = await client.response()
        assert (status, "upload-taken-over" in text) == (423, True)
    assert (await patch(ingest, url, offset, RECORDING[offset:])).status_code == 204
    assert await is_stored(ingest, url)


async def test_requests_to_two_processes_at_once_do_no_harm(ingest: Ingest, tmp_path: Path) -> None:
    own = ingest.runtime.settings.model_dump(include={"s3_bucket", "s3_endpoint", "s3_access_key", "s3_secret_key"})
    async with running_ingest(tmp_path, max_upload_bytes=64 << 20, **own) as other:
        url = await create(ingest)
        await patch(ingest, url, 0, RECORDING[:1_000_000])
        rest = RECORDING[1_000_000:]
        short, whole = rest[: PART_BYTES + 777], rest
        answers = await asyncio.gather(
            patch(ingest, url, 1_000_000, short), patch(other, url, 1_000_000, whole), return_exceptions=True
        )
        assert all(isinstance(answer, httpx.Response) for answer in answers), answers
        offset = await offset_of(ingest, url)
        assert offset == await offset_of(other, url)
        if offset < SIZE_BYTES:
            assert (await patch(other, url, offset, RECORDING[offset:])).status_code == 204
        assert await is_stored(ingest, url)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_bytes_with_a_checksum_count_only_when_it_is_right(ingest: Ingest, algorithm: str) -> None:
    data = wav_of(3_000_000)
    url = await create(ingest, len(data))
    half = data[:1_500_000]
    wrong = await patch(ingest, url, 0, half, **checksum(algorithm, b"other"))
    assert (wrong.status_code, wrong.json()["code"]) == (460, "wrong-checksum")
    assert await offset_of(ingest, url) == 0
    assert (await patch(ingest, url, 0, half, **checksum(algorithm, half))).status_code == 204
    assert (await patch(ingest, url, 1_500_000, data[1_500_000:])).status_code == 204
    assert await is_stored(ingest, url, data)
    for said in ("crc32 AAAA", "sha1 AAAA", "sha1"):
        assert (await patch(ingest, url, 0, b"x", Upload_Checksum=said)).status_code == 400


async def test_every_refusal_has_the_status_that_the_protocol_says(ingest: Ingest) -> None:
    url = await create(ingest)
    assert (await ingest.client.post("/v1/tus", headers={"Upload-Length": "5"})).status_code == 412
    old = await ingest.client.patch(
        url, content=b"x", headers={"Tus-Resumable": "0.2.2", "Upload-Offset": "0", **STREAM}
    )
    assert (old.status_code, old.headers["tus-version"]) == (412, "1.0.0")
    ahead = await patch(ingest, url, 7, b"x")
    assert (ahead.status_code, ahead.headers["upload-offset"]) == (409, "0")
    assert (await patch(ingest, url, 0, b"x", Upload_Length=str(SIZE_BYTES + 1))).status_code == 409
    assert (await patch(ingest, url, 0, bytes(SIZE_BYTES + 1))).status_code == 413
    assert (await call(ingest, "PATCH", url, b"x", Upload_Offset="0", Content_Type="audio/wav")).status_code == 415
    assert (await call(ingest, "PATCH", url, b"x", **STREAM)).status_code == 400
    for value in ("-1", "1e3", "", "9" * 30):
        assert (await call(ingest, "POST", Upload_Length=value)).status_code == 400
    assert (await call(ingest, "POST")).status_code == 400
    assert (await call(ingest, "POST", Upload_Length="5", Upload_Defer_Length="1")).status_code == 400
    assert (await call(ingest, "POST", Upload_Length="0")).status_code == 400
    assert (await call(ingest, "POST", Upload_Length=str((64 << 20) + 1))).status_code == 413
    for said in ("filename !", "a YQ==,a YQ==", "language Zm9vYmFy", "lane eA=="):
        answer = await call(ingest, "POST", Upload_Length="5", Upload_Metadata=said)
        assert answer.status_code == 400, said
    for gone in ("/v1/tus/nothing", "/v1/tus/0198c9d2-0000-7000-8000-000000000000"):
        assert (await call(ingest, "HEAD", gone)).status_code == 404
        assert (await patch(ingest, gone, 0, b"x")).status_code == 404
        assert (await call(ingest, "DELETE", gone)).status_code == 404
    assert await offset_of(ingest, url) == 0


async def test_an_upload_can_be_ended(ingest: Ingest) -> None:
    url = await create(ingest)
    await patch(ingest, url, 0, RECORDING[: PART_BYTES + 5])
    assert (await call(ingest, "DELETE", url)).status_code == 204
    assert (await call(ingest, "HEAD", url)).status_code == 404
    assert await ingest.keys() == []
    assert [found async for found in ingest.store.open_parts("")] == []


async def test_clients_that_know_two_methods_only_are_served(ingest: Ingest) -> None:
    data = wav(1.0)
    url = await create(ingest, len(data))
    answer = await call(ingest, "POST", url, data, X_HTTP_Method_Override="PATCH", Upload_Offset="0", **STREAM)
    assert answer.status_code == 204
    assert await is_stored(ingest, url, data)


@pytest.mark.parametrize("size_bytes", [1_000, 100_000])
async def test_what_is_no_recording_is_refused_and_leaves_nothing(ingest: Ingest, size_bytes: int) -> None:
    url = await create(ingest, size_bytes)
    answer = await patch(ingest, url, 0, b"text " * (size_bytes // 5))
    assert (answer.status_code, answer.json()["code"]) == (415, "not-media")
    assert await ingest.keys() == []
    assert [found async for found in ingest.store.open_parts("")] == []
    assert (await call(ingest, "HEAD", url)).status_code == 404


@pytest.mark.parametrize("operation", ["put upload.json", "append", "put uploads/direct"])
async def test_who_asks_after_trouble_at_the_end_is_told_of_all_bytes_only_when_it_is_accepted(
    ingest: Ingest, operation: str
) -> None:
    data = wav(3.0)
    url = await create(ingest, len(data))
    verb, _, name = operation.partition(" ")
    (ingest.log if verb == "append" else ingest.store).faults.fail(verb, matching=name)
    assert (await patch(ingest, url, 0, data)).status_code == 503
    assert (await call(ingest, "HEAD", url)).status_code == 503
    ingest.store.faults.heal()
    ingest.log.faults.heal()
    assert await offset_of(ingest, url) == len(data)
    assert await is_stored(ingest, url, data)


async def test_an_upload_that_nobody_goes_on_with_expires(ingest: Ingest) -> None:
    url = await create(ingest)
    await patch(ingest, url, 0, RECORDING[: PART_BYTES + 5])
    ingest.clock.ahead_s = 23.1 * 3600
    assert (await call(ingest, "HEAD", url)).status_code == 410
    ingest.clock.ahead_s = 24 * 3600
    assert await ingest.sweep().once() == Swept(expired=1)
    assert await ingest.keys() == []
    assert [found async for found in ingest.store.open_parts("")] == []


async def test_pieces_without_an_upload_are_swept_after_a_day(ingest: Ingest) -> None:
    await ingest.store.put(keys.upload_tail("0198c9d2-0000-7000-8000-000000000000", 0, 4), b"left")
    assert await ingest.sweep().once() == Swept()
    ingest.clock.ahead_s = 25 * 3600
    assert await ingest.sweep().once() == Swept(expired=1)
    assert await ingest.keys() == []
