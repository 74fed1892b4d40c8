"""The simple routes, and OpenAI's as its documentation calls them with curl, on a running Polyvox."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.instant_product import instant_product
from tests.support.stack import speech
from tests.support.uploads import wav

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "openai" / "who_said_what.py"
SAID = "So we look at what it costs, one recording after the other."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        instant_product(tmp_path_factory.mktemp("product")) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech(tmp_path_factory.mktemp("audio") / "call.flac", 6.0)


async def send(http: httpx.AsyncClient, path: str, recording: Path, **fields: str) -> Any:
    answer = await http.post(path, files={"file": recording.read_bytes()}, data=fields)
    return answer.raise_for_status().json()


async def test_transcribe_says_who_said_what(http: httpx.AsyncClient, recording: Path) -> None:
    found = await send(http, "/transcribe", recording, language="English", task="transcribe", word_timestamps="true")
    assert (found["text"], found["language"], found["duration"]) == (SAID, "en", 6.0)
    assert found["speakers"] == ["Speaker 1", "Speaker 2"]
    first, second = found["segments"]
    assert list(first) == ["id", "start", "end", "text", "speaker", "words"]
    assert [first["id"], first["start"], first["speaker"]] == [0, 0.0, "Speaker 1"]
    assert [second["id"], second["start"], second["speaker"]] == [1, 3.0, "Speaker 2"]
    assert [word["word"].strip() for word in first["words"] + second["words"]] == SAID.split()


async def test_words_and_speakers_are_left_out_where_they_are_not_wanted(
    http: httpx.AsyncClient, recording: Path
) -> None:
    found = await send(http, "/transcribe", recording, diarize="false")
    assert found["speakers"] == []
    assert [(one["text"], one["speaker"], one["words"]) for one in found["segments"]] == [(SAID, None, [])]


async def test_api_transcribe_is_the_words(http: httpx.AsyncClient, recording: Path) -> None:
    assert await send(http, "/api/transcribe", recording) == {"transcript": SAID}
    assert await send(http, "/api/transcribe", recording, diarize="true") == {
        "transcript": "Speaker 1: So we look at what it\nSpeaker 2: costs, one recording after the other."
    }


async def test_detect_language_needs_no_more_than_the_file(http: httpx.AsyncClient, recording: Path) -> None:
    found = await send(http, "/detect-language", recording, task="transcribe", word_timestamps="true")
    assert found == {
        "language": "en",
        "probability": 1.0,
        "languages": [{"language": "en", "probability": 1.0}],
        "duration": 6.0,
    }


async def test_the_whole_body_may_be_the_recording(http: httpx.AsyncClient, recording: Path) -> None:
    answer = await http.post("/api/transcribe?filename=call.flac&language=en", content=recording.read_bytes())
    assert answer.json() == {"transcript": SAID}
    shown = (await http.get(f"/v1/media/{answer.headers['Polyvox-Media-Id']}")).json()
    assert (shown["filename"], shown["status"], shown["options"]["diarize"]) == ("call.flac", "completed", False)


@pytest.mark.parametrize(
    ("fields", "option"),
    [({"word_timestamps": "maybe"}, "word_timestamps"), ({"task": "sing"}, "task"), ({"colour": "red"}, "colour")],
)
async def test_wrong_fields_are_named(http: httpx.AsyncClient, fields: dict[str, str], option: str) -> None:
    answer = await http.post("/transcribe", files={"file": wav()}, data=fields)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["option"] == option


async def curl(http: httpx.AsyncClient, path: str, *arguments: str) -> str:
    """curl as in OpenAI's documentation, but for the host."""
    program = shutil.which("curl")
    assert program, "apt install curl"
    process = await asyncio.create_subprocess_exec(
        program,
        *("--silent", "--show-error", f"{str(http.base_url).rstrip('/')}/v1{path}"),
        *("-H", "Authorization: Bearer sk-none", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


FORM = ("-H", "Content-Type: multipart/form-data")


async def test_curl_transcribes(http: httpx.AsyncClient, recording: Path) -> None:
    file = ("-F", f"file=@{recording}")
    told = await curl(http, "/audio/transcriptions", *FORM, *file, "-F", "model=gpt-4o-transcribe")
    assert json.loads(told)["text"] == SAID
    words = ("-F", "timestamp_granularities[]=word", "-F", "response_format=verbose_json")
    told = await curl(http, "/audio/transcriptions", *FORM, *file, *words, "-F", "model=whisper-1")
    assert [word["word"] for word in json.loads(told)["words"]] == SAID.split()
    told = await curl(http, "/audio/translations", *FORM, *file, "-F", "model=whisper-1")
    assert json.loads(told)["text"] == SAID


async def test_curl_streams(http: httpx.AsyncClient, recording: Path) -> None:
    asked = ("-F", f"file=@{recording}", "-F", "model=gpt-4o-mini-transcribe", "-F", "stream=true")
    lines = (await curl(http, "/audio/transcriptions", *FORM, *asked)).splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert events == [
        {"type": "transcript.text.delta", "delta": SAID},
        {"type": "transcript.text.done", "text": SAID},
    ]
    assert [line for line in lines if line.startswith("event: ")] == [f"event: {event['type']}" for event in events]


async def test_curl_lists_models_and_is_told_what_is_wrong(http: httpx.AsyncClient) -> None:
    listed = json.loads(await curl(http, "/models"))
    assert listed["object"] == "list"
    assert {"id", "object", "created", "owned_by"} == set(listed["data"][0])
    told = json.loads(await curl(http, "/audio/transcriptions", *FORM, "-F", "model=whisper-1"))
    assert set(told["error"]) == {"message", "type", "param", "code"}
    assert told["error"]["code"] == "no_file"
    wrong = json.loads(await curl(http, "/audio/transcriptions"))
    assert wrong["error"]["type"] == "invalid_request_error"


async def test_the_example_prints_who_said_what(http: httpx.AsyncClient, recording: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), str(recording)),
        env={**os.environ, "OPENAI_BASE_URL": f"{str(http.base_url).rstrip('/')}/v1", "OPENAI_API_KEY": "none"},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert out.decode().splitlines() == [
        "   0.00  A: So we look at what it",
        "   3.00  B: costs, one recording after the other.",
    ]
