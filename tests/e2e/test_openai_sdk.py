"""OpenAI's own Python SDK against a running Polyvox: every option of its audio routes."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
import pytest_asyncio
import webvtt
from openai import AsyncOpenAI, OpenAI

from polyvox.client import AsyncClient
from tests.support.instant_product import instant_product
from tests.support.stack import speech
from tests.support.uploads import wav

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = "So we look at what it costs, one recording after the other."
"""What the instant engine hears in every part."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    # Parts of 6 s, so that a short recording grows as a long one does.
    async with instant_product(tmp_path_factory.mktemp("product"), part_max_s=6.5) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech(tmp_path_factory.mktemp("audio") / "call.flac", 6.0)


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech(tmp_path_factory.mktemp("audio") / "longer.flac", 18.0)


async def test_json_is_the_text_and_its_seconds(sdk: AsyncOpenAI, recording: Path) -> None:
    answer = await sdk.audio.transcriptions.create(file=recording, model="whisper-1")
    assert answer.text == SAID
    assert answer.usage is not None
    assert answer.usage.model_dump() == {"type": "duration", "seconds": 6.0}


async def test_log_probabilities_are_those_of_words(sdk: AsyncOpenAI, recording: Path) -> None:
    answer = await sdk.audio.transcriptions.create(file=recording, model="gpt-4o-transcribe", include=["logprobs"])
    assert answer.logprobs is not None
    assert "".join(token.token or "" for token in answer.logprobs).strip() == SAID
    assert {token.logprob for token in answer.logprobs} == {round(math.log(0.9), 4)}


async def test_text_srt_and_vtt_are_strings(sdk: AsyncOpenAI, recording: Path) -> None:
    async def said(form: Literal["text", "srt", "vtt"]) -> str:
        return await sdk.audio.transcriptions.create(file=recording, model="whisper-1", response_format=form)

    text, srt, vtt = await asyncio.gather(said("text"), said("srt"), said("vtt"))
    assert text == f"{SAID}\n"
    for captions in (webvtt.WebVTT.from_buffer(io.StringIO(srt), format="srt"), webvtt.WebVTT.from_string(vtt)):
        assert " ".join(caption.text.replace("\n", " ") for caption in captions) == SAID


async def test_verbose_json_has_segments_unless_words_alone_are_asked_for(sdk: AsyncOpenAI, recording: Path) -> None:
    async def verbose(*granularities: Literal["word", "segment"]) -> Any:
        wanted: dict[str, Any] = {"timestamp_granularities": list(granularities)} if granularities else {}
        return await sdk.audio.transcriptions.create(
            file=recording, model="whisper-1", response_format="verbose_json", temperature=0.2, **wanted
        )

    usual, words, both = await asyncio.gather(verbose(), verbose("word"), verbose("word", "segment"))
    assert (usual.text, usual.language, usual.duration, usual.words) == (SAID, "english", 6.0, None)
    assert [(segment.id, segment.text) for segment in usual.segments] == [(0, SAID)]
    (segment,) = usual.segments
    assert segment.temperature == 0.2
    assert segment.avg_logprob == pytest.approx(math.log(0.9), abs=1e-3)
    assert 0 < segment.compression_ratio < 2.4
    assert segment.no_speech_prob == 0
    assert words.segments is None
    assert [word.word for word in words.words] == SAID.split()
    assert (words.words[1].start, words.words[1].end) == (0.5, 0.9)
    assert len(both.words) == 12
    assert len(both.segments) == 1


async def test_speakers_are_letters_in_diarized_json(sdk: AsyncOpenAI, recording: Path) -> None:
    answer = await sdk.audio.transcriptions.create(
        file=recording, model="gpt-4o-transcribe-diarize", response_format="diarized_json", chunking_strategy="auto"
    )
    assert answer.task == "transcribe"
    assert [(part.speaker, part.start) for part in answer.segments] == [("A", 0.0), ("B", 3.0)]
    assert " ".join(part.text for part in answer.segments) == answer.text == SAID


async def test_language_and_prompt_reach_the_pipeline(url: str, sdk: AsyncOpenAI, recording: Path) -> None:
    answer = await sdk.audio.transcriptions.with_raw_response.create(
        file=recording,
        model="base",
        language="de",
        prompt="Polyvox.",
        temperature=0.4,
        keywords=["Kafka"],
        extra_body={"num_speakers": 2, "diarize": True},
    )
    async with AsyncClient(url) as client:
        document = (await client.get(answer.headers["Polyvox-Media-Id"])).document
    assert document["options"] == {
        "language": "de",
        "languages": None,
        "task": "transcribe",
        "model": "base",
        "engine": None,
        "diarize": True,
        "num_speakers": 2,
        "min_speakers": None,
        "max_speakers": None,
        "channels": None,
        "prompt": "Polyvox. Kafka.",
        "temperature": 0.4,
        "keep_suspects": None,
        "metadata": {},
    }
    assert answer.parse()._request_id == document["media_id"]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
async def test_translations_are_in_english(sdk: AsyncOpenAI, recording: Path) -> None:
    short = await sdk.audio.translations.create(file=recording, model="whisper-1")
    assert short.text == SAID
    verbose = await sdk.audio.translations.create(
        file=recording, model="whisper-1", response_format="verbose_json", prompt="Calls."
    )
    assert (verbose.language, verbose.duration, verbose.text) == ("english", 6.0, SAID)
    assert verbose.segments is not None
    subtitles = await sdk.audio.translations.create(file=recording, model="whisper-1", response_format="vtt")
    assert subtitles.startswith("WEBVTT\n")


async def test_a_stream_is_deltas_and_the_whole(sdk: AsyncOpenAI, longer: Path) -> None:
    stream = await sdk.audio.transcriptions.create(
        file=longer, model="gpt-4o-mini-transcribe", stream=True, include=["logprobs"]
    )
    events = [event async for event in stream]
    *deltas, done = events
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas if event.type == "transcript.text.delta") == done.text
    assert done.text == " ".join([SAID] * len(deltas))
    assert len(deltas) >= 3
    assert len(done.logprobs or []) == 12 * len(deltas)


async def test_a_stream_of_speakers_has_segments(sdk: AsyncOpenAI, recording: Path) -> None:
    stream = await sdk.audio.transcriptions.create(
        file=recording, model="gpt-4o-transcribe-diarize", stream=True, response_format="diarized_json"
    )
    events = [event async for event in stream]
    assert [event.type for event in events] == [
        *["transcript.text.delta", "transcript.text.segment"] * 2,
        "transcript.text.done",
    ]
    assert [event.speaker for event in events if event.type == "transcript.text.segment"] == ["A", "B"]
    assert [event.segment_id for event in events if event.type == "transcript.text.delta"] == ["seg_0", "seg_1"]


async def test_a_recording_that_cannot_be_used_ends_its_stream_with_an_error(sdk: AsyncOpenAI) -> None:
    broken = wav(0.5)[:44]
    stream = await sdk.audio.transcriptions.create(file=("empty.wav", broken), model="whisper-1", stream=True)
    with pytest.raises(openai.APIError, match="no sound"):
        [event async for event in stream]


async def test_models_are_listed_and_shown(sdk: AsyncOpenAI) -> None:
    names = [model.id async for model in sdk.models.list()]
    assert names[0] == "base"
    assert {"whisper-1", "large-v3", "gpt-4o-transcribe-diarize"} < set(names)
    model = await sdk.models.retrieve("base")
    assert (model.id, model.object, model.owned_by) == ("base", "model", "polyvox")
    with pytest.raises(openai.NotFoundError):
        await sdk.models.retrieve("gpt-9")


async def test_the_sync_sdk_gets_the_same(url: str, recording: Path) -> None:
    def ask() -> str:
        with OpenAI(base_url=f"{url}/v1", api_key="none") as client:
            return client.audio.transcriptions.create(file=recording, model="whisper-1", response_format="text")

    assert await asyncio.to_thread(ask) == f"{SAID}\n"


@pytest.mark.parametrize(
    ("wrong", "error", "code", "param"),
    [
        ({"model": "gpt-9"}, openai.NotFoundError, "model_not_found", "model"),
        ({"response_format": "docx"}, openai.BadRequestError, "bad_option", "response_format"),
        ({"language": "klingon"}, openai.BadRequestError, "bad_option", "language"),
        ({"temperature": 7}, openai.BadRequestError, "bad_option", "temperature"),
        ({"timestamp_granularities": ["word"]}, openai.BadRequestError, "bad_option", "timestamp_granularities"),
        ({"stream": True, "response_format": "srt"}, openai.BadRequestError, "bad_option", "stream"),
        ({"known_speaker_names": ["agent"]}, openai.BadRequestError, "unsupported_parameter", "known_speaker_names"),
        ({"extra_body": {"colour": "red"}}, openai.BadRequestError, "unknown_parameter", "colour"),
        ({"file": ("notes.wav", b"not a recording" * 100)}, openai.BadRequestError, "not_media", None),
        ({"file": ("empty.wav", b"")}, openai.BadRequestError, "empty_file", None),
    ],
)
async def test_what_is_wrong_is_said_in_openais_shape(
    sdk: AsyncOpenAI, wrong: dict[str, Any], error: type[openai.APIStatusError], code: str, param: str | None
) -> None:
    request = {"file": ("call.wav", wav()), "model": "whisper-1", **wrong}
    with pytest.raises(error) as raised:
        await sdk.audio.transcriptions.create(**request)
    assert (raised.value.code, raised.value.param, raised.value.type) == (code, param, "invalid_request_error")
    assert len(raised.value.message) > 20
