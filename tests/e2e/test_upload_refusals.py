"""Uploads that are refused: each with a problem that says what to do, and nothing kept."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.polling import until
from tests.support.server import RawConnection
from tests.support.uploads import Ingest, running_ingest, wav

MIB = 1 << 20
LIMIT = 2 * MIB


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Ingest]:
    async with running_ingest(tmp_path, max_upload_bytes=LIMIT) as running:
        before = running.files()
        yield running
        assert await running.keys("media/") == []
        assert await running.keys("uploads/pending/") == []
        assert running.files() == before
        assert await running.uploaded() == []


def problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:polyvox:problem:{document['code']}"
    assert document["title"]
    assert len(document["detail"]) > 20
    return document


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    extra = f'; filename="{filename}"' if filename is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


FILE = part("file", wav(), "a.wav")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "incomplete-upload"),
        (b"--b--\r\n", "no-file"),
        (part("language", b"en") + b"--b--\r\n", "no-file"),
        (part("file", b"", "a.wav") + b"--b--\r\n", "empty-file"),
        (FILE + FILE + b"--b--\r\n", "several-files"),
        (FILE + part("second", wav(), "b.wav") + b"--b--\r\n", "several-files"),
        (FILE, "incomplete-upload"),
        (FILE[:-100], "incomplete-upload"),
        (FILE + b"--b", "incomplete-upload"),
        (FILE + part("language", b"en")[:-4], "incomplete-upload"),
        (wav(), "incomplete-upload"),
        (b"--b\r\nnonsense\r\n\r\n" + wav() + b"\r\n--b--\r\n", "malformed-upload"),
        (b"--b\r\nContent-Type: audio/wav\r\n\r\n" + wav() + b"\r\n--b--\r\n", "malformed-upload"),
        (b"--b\nContent-Disposition: form-data; name=file\n\n" + wav() + b"\n--b--\n", "malformed-upload"),
        (b"--b\r\nX: " + b"x" * 100_000 + b"\r\n\r\n--b--\r\n", "malformed-upload"),
        (part("language", b"en" * 50_000) + FILE + b"--b--\r\n", "malformed-upload"),
        (part("prompt", b"\xff\xfe") + FILE + b"--b--\r\n", "malformed-upload"),
        (b"".join(part(f"metadata.{n}", b"x") for n in range(200)) + FILE + b"--b--\r\n", "malformed-upload"),
    ],
)
async def test_a_form_that_is_no_proper_form_is_400(ingest: Ingest, body: bytes, code: str) -> None:
    answer = await ingest.client.post(
        "/v1/media", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 400
    assert problem(answer)["code"] == code


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary"]
)
async def test_a_form_without_boundary_is_400(ingest: Ingest, content_type: str) -> None:
    answer = await ingest.client.post("/v1/media", content=FILE, headers={"Content-Type": content_type})
    assert (answer.status_code, problem(answer)["code"]) == (400, "malformed-upload")


async def test_an_empty_raw_body_is_400(ingest: Ingest) -> None:
    answer = await ingest.client.post("/v1/media", content=b"", headers={"Content-Type": "audio/wav"})
    assert (answer.status_code, problem(answer)["code"]) == (400, "empty-file")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([("speakers", "2")], "num_speakers"),
        ([("language", "english")], "ISO 639"),
        ([("language", "en"), ("language", "de")], "twice"),
        ([("language", "xx")], "does not know the language 'xx'"),
        ([("language", "yue")], "does not know the language 'yue'"),
        ([("language", "de"), ("model", "tiny.en")], "It knows: en"),
        ([("task", "translate"), ("model", "tiny.en")], "cannot translate"),
        ([("task", "detect"), ("model", "tiny.en")], "cannot find out a language"),
        ([("task", "summarise")], "translate"),
        ([("model", "enormous")], "base"),
        ([("engine", "abacus")], "ctranslate2, whisper"),
        ([("num_speakers", "two")], "num_speakers"),
        ([("num_speakers", "0")], "num_speakers"),
        ([("num_speakers", "2"), ("max_speakers", "3")], "not both"),
        ([("min_speakers", "4"), ("max_speakers", "3")], "at most"),
        ([("diarize", "perhaps")], "diarize"),
        ([("prompt", "x" * 3000)], "prompt"),
        ([("metadata", "[1]")], "JSON object of strings"),
        ([("metadata", '{"a": 1}')], "JSON object of strings"),
        ([("metadata", "{")], "JSON object of strings"),
        ([("metadata", '{"a": "b"}'), ("metadata.a", "c")], "twice"),
        ([("metadata.", "c")], "metadata key"),
    ],
)
@pytest.mark.parametrize("raw", [True, False])
async def test_a_bad_option_is_400_and_says_what_would_do(
    ingest: Ingest, fields: list[tuple[str, str]], says: str, raw: bool
) -> None:
    if raw:
        answer = await ingest.client.post("/v1/media", params=fields, content=wav())
    else:
        body = FILE + b"".join(part(name, value.encode()) for name, value in fields) + b"--b--\r\n"
        answer = await ingest.client.post(
            "/v1/media", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
    assert answer.status_code == 400
    document = problem(answer)
    assert document["code"] == "bad-option"
    assert says in document["detail"]


@pytest.mark.parametrize(
    "content",
    [b"Just a text.", json.dumps({"a": 1}).encode(), b"#EXTM3U\n/etc/passwd", b"\x89PNG\r\n\x1a\n", b"\0" * MIB],
)
async def test_what_is_no_media_is_415_whatever_it_is_called(ingest: Ingest, content: bytes) -> None:
    answer = await ingest.client.post("/v1/media", files={"file": ("speech.wav", content, "audio/wav")})
    assert answer.status_code == 415
    assert "name and declared type do not count" in problem(answer)["detail"]
    answer = await ingest.client.post("/v1/media", content=content, headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 415


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT * 8])
async def test_too_much_is_413_though_no_length_was_announced(ingest: Ingest, form: bool, size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        if form:
            yield part("file", b"", "a.wav")[:-2]
        data = wav() + bytes(size - len(wav()))
        for start in range(0, size, 65_536):
            yield data[start : start + 65_536]
        if form:
            yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b" if form else "audio/wav"}
    answer = await ingest.client.post("/v1/media", content=chunks(), headers=headers)
    assert answer.status_code == 413
    document = problem(answer)
    assert document["max_upload_bytes"] == LIMIT
    assert "2 MiB" in document["detail"]


async def test_an_announced_length_that_is_too_large_is_refused_before_a_byte_of_it_is_sent(ingest: Ingest) -> None:
    async with RawConnection.to(ingest.url) as client:
        await client.send_head(
            "POST", "/v1/media", Content_Length=str(LIMIT + 1), Content_Type="audio/wav", Expect="100-continue"
        )
        status, text = await client.response()
    assert status == 413
    assert "connection: close" in text.lower()


async def test_a_client_that_reads_only_after_writing_sees_the_413(ingest: Ingest) -> None:
    def blocking_client() -> bytes:
        port = int(ingest.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            # Chunked, so that nothing is known before the bytes come; one chunk is enough.
            head = "POST /v1/media HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode() + f"{40 * MIB + len(wav()):x}\r\n".encode() + wav())
            for _ in range(40):
                connection.sendall(bytes(MIB))
            return connection.recv(65_536)

    assert (await asyncio.to_thread(blocking_client)).startswith(b"HTTP/1.1 413 ")


async def test_padding_around_the_file_counts_as_well(ingest: Ingest) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield FILE + b"--b--\r\n"
        for _ in range(64):
            yield bytes(65_536)

    answer = await ingest.client.post(
        "/v1/media", content=chunks(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 413


async def test_a_length_that_is_too_small_does_not_cut_a_recording_silently(ingest: Ingest) -> None:
    body = FILE + b"--b--\r\n"
    async with RawConnection.to(ingest.url) as client:
        await client.send_head(
            "POST",
            "/v1/media",
            Content_Length=str(len(body) - 1000),
            Content_Type="multipart/form-data; boundary=b",
        )
        await client.send(body)
        status, text = await client.response()
    assert status == 400
    assert "incomplete-upload" in text


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=b", "audio/wav"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_ends_before_its_announced_end_is_not_kept(
    ingest: Ingest, content_type: str, chunked: bool
) -> None:
    recording = wav(10.0)
    body = part("file", recording, "a.wav") + b"--b--\r\n" if "form" in content_type else recording
    async with RawConnection.to(ingest.url) as client:
        if chunked:
            await client.send_head("POST", "/v1/media", Transfer_Encoding="chunked", Content_Type=content_type)
            await client.send(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        else:
            await client.send_head("POST", "/v1/media", Content_Length=str(len(body) + 1), Content_Type=content_type)
            await client.send(body)
        await until(lambda: ingest.store.putting == 1)
        client.half_close()
        await until(lambda: ingest.store.putting == 0)


async def test_a_client_that_stops_sending_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async with running_ingest(tmp_path, idle_s=0.3) as ingest, RawConnection.to(ingest.url) as client:
        before = ingest.files()
        await client.send_head("POST", "/v1/media", Content_Length="500000", Content_Type="audio/wav")
        await client.send(wav(10.0))
        status, text = await client.response()
        assert (status, "upload-stalled" in text) == (408, True)
        assert await ingest.keys() == []
        assert ingest.files() == before


async def test_a_bad_idempotency_key_is_400(ingest: Ingest) -> None:
    for key in ("x" * 256, "", "käse"):
        answer = await ingest.client.post(
            "/v1/media",
            content=wav(),
            headers={"Idempotency-Key": key.encode("latin-1")},  # type: ignore[dict-item]
        )
        assert (answer.status_code, problem(answer)["code"]) == (400, "bad-idempotency-key")
