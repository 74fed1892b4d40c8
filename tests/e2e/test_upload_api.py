"""POST /v1/media over a real socket: what is accepted, and what an acknowledgement means."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polyvox import keys, metrics
from tests.support.polling import until
from tests.support.server import RawConnection
from tests.support.uploads import Ingest, running_ingest, wav


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with running_ingest(tmp_path) as running:
        yield running


async def test_an_acknowledged_upload_is_stored_noted_and_announced(ingest: Ingest) -> None:
    data = wav(3.0)
    options = {"language": "de", "task": "translate", "model": "base", "engine": "whisper", "min_speakers": "2"}
    more = {"max_speakers": "4", "diarize": "true", "prompt": " Grüße, Anna ", "metadata": '{"project": "α"}'}
    answer = await ingest.client.post(
        "/v1/media",
        files={"file": ("Réunion 会議 (1).wav", data, "application/octet-stream")},
        data={**options, **more, "metadata.case": "17"},
    )
    assert answer.status_code == 202
    media_id = answer.json()["media_id"]
    assert answer.json() == {"media_id": media_id, "status": "queued", "href": f"/v1/media/{media_id}"}
    assert answer.headers["location"] == f"/v1/media/{media_id}"
    assert answer.headers["x-content-type-options"] == "nosniff"

    assert await ingest.store.get(keys.original(media_id)) == data
    assert (await ingest.store.head(keys.original(media_id))).content_type == "audio/wav"
    [event] = await ingest.uploaded()
    fact = event.data
    assert event.subject == fact.media_id == media_id
    assert fact.original.key == keys.original(media_id)
    assert fact.original.size_bytes == len(data)
    assert fact.original.sha256 == hashlib.sha256(data).hexdigest()
    assert fact.original.content_type == "audio/wav"
    assert fact.filename == "Réunion 会議 (1).wav"
    given = fact.options.model_dump(exclude_defaults=True)
    assert given == {
        "language": "de",
        "task": "translate",
        "model": "base",
        "engine": "whisper",
        "min_speakers": 2,
        "max_speakers": 4,
        "prompt": " Grüße, Anna ",
        "metadata": {"project": "α", "case": "17"},
    }
    manifest = json.loads(await ingest.store.get(keys.upload_manifest(media_id)))
    assert type(fact).model_validate(manifest) == fact
    assert await ingest.keys() == [keys.original(media_id), keys.upload_manifest(media_id)]


@pytest.mark.parametrize("file_first", [True, False])
async def test_options_may_stand_before_or_after_the_file(ingest: Ingest, file_first: bool) -> None:
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + wav() + b"\r\n"
    option = b'--b\r\nContent-Disposition: form-data; name="language"\r\n\r\nFR\r\n'
    body = (file + option if file_first else option + file) + b"--b--\r\n"
    answer = await ingest.client.post(
        "/v1/media", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 202, answer.text
    [event] = await ingest.uploaded()
    assert event.data.options.language == "fr"
    assert event.data.original.size_bytes == len(wav())


@pytest.mark.parametrize(
    "content_type", ["audio/wav", "video/mp4", "application/octet-stream", "application/x-www-form-urlencoded", None]
)
async def test_a_raw_body_is_a_recording_with_its_options_in_the_query(
    ingest: Ingest, content_type: str | None
) -> None:
    answer = await ingest.client.post(
        "/v1/media",
        params={
            "language": "auto",
            "num_speakers": 2,
            "diarize": "false",
            "metadata.team": "x",
            "filename": "c:\\a\\b.wav",
        },
        content=wav(),
        headers={"Content-Type": content_type} if content_type else {},
    )
    assert answer.status_code == 202, answer.text
    [event] = await ingest.uploaded()
    assert event.data.filename == "b.wav"
    assert event.data.options.model_dump(exclude_defaults=True) == {
        "num_speakers": 2,
        "diarize": False,
        "metadata": {"team": "x"},
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ("filename*=utf-8''na%C3%AFve%20caf%C3%A9.mp3", "naïve café.mp3"),
        ('filename="a\u202egpj.wav"', "agpj.wav"),
        ('filename="tab\there.wav"', "tabhere.wav"),
        ('filename=""', None),
        ('filename=".."', None),
        (f'filename="{"ä" * 400}.flac"', "ä" * 250 + ".flac"),
    ],
)
async def test_file_names_are_kept_but_for_what_is_dangerous(ingest: Ingest, sent: str, kept: str | None) -> None:
    body = f'--b\r\nContent-Disposition: form-data; name="file"; {sent}\r\n\r\n'.encode() + wav() + b"\r\n--b--\r\n"
    answer = await ingest.client.post(
        "/v1/media", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 202, answer.text
    [event] = await ingest.uploaded()
    assert event.data.filename == kept


async def test_every_container_is_taken_whatever_its_name_and_type_say(
    ingest: Ingest, eval_dir: Path, eval_manifest: list[dict[str, Any]]
) -> None:
    items = [item for item in eval_manifest if item["set"] == "containers"]
    lies = ["audio/mp4", "text/plain", "image/png", "application/octet-stream", "audio/webm;codecs=opus"]
    for number, item in enumerate(items):
        data = (eval_dir / item["path"]).read_bytes()
        answer = await ingest.client.post("/v1/media", files={"file": ("page.html", data, lies[number % len(lies)])})
        assert answer.status_code == 202, (item["path"], answer.text)
    assert len(await ingest.uploaded()) == len(items)


async def test_malformed_files_are_refused_early_only_when_they_are_no_media(
    ingest: Ingest, eval_dir: Path, eval_manifest: list[dict[str, Any]]
) -> None:
    accepted = 0
    for item in eval_manifest:
        if item["set"] != "malformed":
            continue
        data = (eval_dir / item["path"]).read_bytes()
        answer = await ingest.client.post("/v1/media", files={"file": (Path(item["path"]).name, data, "audio/mpeg")})
        if not data:
            assert (answer.status_code, answer.json()["code"]) == (400, "empty-file")
        elif answer.status_code == 415:
            assert "error" in item["expect"], item["path"]
        else:
            assert answer.status_code == 202
            accepted += 1
    assert len(await ingest.uploaded()) == accepted
    assert len(await ingest.keys("media/")) == 2 * accepted


@pytest.mark.parametrize("operation", ["put original", "put upload.json", "put uploads/pending", "append"])
async def test_without_store_or_log_there_is_no_acknowledgement_and_nothing_is_left(
    ingest: Ingest, operation: str
) -> None:
    before = ingest.files()
    verb, _, name = operation.partition(" ")
    (ingest.store if verb == "put" else ingest.log).faults.fail(verb, matching=name)
    answer = await ingest.client.post("/v1/media", files={"file": ("a.wav", wav(2.0))})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert "again" in answer.json()["detail"]
    assert await ingest.keys() == []
    assert ingest.files() == before
    assert await ingest.uploaded() == []
    ingest.store.faults.heal()
    ingest.log.faults.heal()
    assert (await ingest.client.post("/v1/media", files={"file": ("a.wav", wav(2.0))})).status_code == 202


async def test_trouble_in_the_cleanup_after_trouble_is_left_to_the_sweep(ingest: Ingest) -> None:
    ingest.log.faults.fail("append")
    ingest.store.faults.fail("delete")
    assert (await ingest.client.post("/v1/media", files={"file": ("a.wav", wav())})).status_code == 503
    assert len(await ingest.keys("uploads/pending/")) == 1
    ingest.log.faults.heal()
    ingest.store.faults.heal()
    ingest.clock.ahead_s = 3600
    await ingest.sweep().once()
    assert await ingest.keys("uploads/pending/") == []


async def test_a_client_that_vanishes_leaves_nothing(ingest: Ingest) -> None:
    before = ingest.files()
    async with RawConnection.to(ingest.url) as client:
        await client.send_head("POST", "/v1/media", Content_Length="4000000", Content_Type="audio/wav")
        await client.send(wav(60.0)[:1_500_000])
        await until(lambda: ingest.store.putting == 1)
        client.abort()
    await until(lambda: ingest.store.putting == 0)
    assert ingest.files() == before
    assert await ingest.keys() == []
    assert await ingest.uploaded() == []


async def test_a_server_that_breaks_off_an_upload_leaves_nothing(tmp_path: Path) -> None:
    async with running_ingest(tmp_path) as ingest:
        before = ingest.files()
        async with RawConnection.to(ingest.url) as client:
            await client.send_head("POST", "/v1/media", Content_Length="4000000", Content_Type="audio/wav")
            await client.send(wav(60.0)[:1_500_000])
            await until(lambda: ingest.store.putting == 1)
            await ingest.stop_server()
        await until(lambda: ingest.store.putting == 0)
        assert ingest.files() == before
        assert await ingest.keys() == []


@pytest.mark.parametrize("client_goes_on", [True, False])
async def test_a_process_that_stops_says_so_to_uploads_that_take_too_long(ingest: Ingest, client_goes_on: bool) -> None:
    before = ingest.files()
    async with RawConnection.to(ingest.url) as client:
        await client.send_head("POST", "/v1/media", Content_Length="4000000", Content_Type="audio/wav")
        await client.send(wav(60.0)[:1_500_000])
        await until(lambda: ingest.store.putting == 1)
        ingest.runtime.stopping.set()
        while client_goes_on and ingest.store.putting:
            await client.send(bytes(10))
            await asyncio.sleep(0.01)
        status, text = await client.response()
    assert (status, "The server stops" in text) == (503, True)
    assert ingest.files() == before


async def test_an_upload_that_ends_soon_after_the_process_was_told_to_stop_is_accepted(ingest: Ingest) -> None:
    data = wav(10.0)
    async with RawConnection.to(ingest.url) as client:
        await client.send_head("POST", "/v1/media", Content_Length=str(len(data)), Content_Type="audio/wav")
        await client.send(data[:200_000])
        await until(lambda: ingest.store.putting == 1)
        ingest.runtime.stopping.set()
        await client.send(data[200_000:])
        assert (await client.response())[0] == 202
    assert len(await ingest.uploaded()) == 1


async def test_uploads_are_counted_by_outcome(ingest: Ingest) -> None:
    for _ in range(2):
        await ingest.client.post("/v1/media", content=wav(), headers={"Idempotency-Key": "k"})
    await ingest.client.post("/v1/media", content=b"text")
    ingest.log.faults.fail("append")
    await ingest.client.post("/v1/media", content=wav())
    outcomes = ("accepted", "replayed", "not-media", "unavailable")
    assert [ingest.counters.count(metrics.UPLOADS, outcome=outcome) for outcome in outcomes] == [1, 1, 1, 1]
    assert ingest.counters.count(metrics.UPLOADED_BYTES, lane="interactive", tenant_class="standard") == len(wav())


async def test_who_asks_for_the_language_only_gets_no_diarization(ingest: Ingest) -> None:
    answer = await ingest.client.post("/v1/media", params={"task": "detect", "diarize": "true"}, content=wav())
    assert answer.status_code == 202
    [event] = await ingest.uploaded()
    assert (event.data.options.task, event.data.options.diarize) == ("detect", False)
