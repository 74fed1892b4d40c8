"""A Polyvox with its real models, asked by OpenAI's SDK and by the transcriber of another Polyvox."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from polyvox.cli.demo import sample
from tests.support.audio_files import RATE_HZ, read_audio
from tests.support.product import Product
from tests.support.transcribers import transcriber

pytestmark = [pytest.mark.models]
FROM_S = 18


@pytest.fixture
def url(whole_product: Product) -> str:
    return whole_product.url


async def test_a_telephone_call_is_told_apart(url: str) -> None:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as sdk:
        stream = await sdk.audio.transcriptions.create(
            file=sample(), model="gpt-4o-transcribe-diarize", response_format="diarized_json", stream=True
        )
        events = [event async for event in stream]
        verbose = await sdk.audio.transcriptions.create(
            file=sample(),
            model="whisper-1",
            language="en",
            temperature=0.2,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
    done = events[-1]
    assert done.type == "transcript.text.done"
    assert "they all call me a yankee down here" in done.text.lower()
    segments = [event for event in events if event.type == "transcript.text.segment"]
    assert {segment.speaker for segment in segments} == {"A", "B"}
    assert [segment.start for segment in segments] == sorted(segment.start for segment in segments)
    assert "yankee" in verbose.text.lower()
    assert verbose.duration == pytest.approx(30.0, abs=0.1)
    assert verbose.words
    assert 0 <= verbose.words[0].start < verbose.words[-1].end <= 30.0
    assert verbose.segments
    assert all(segment.avg_logprob < 0 and segment.temperature == 0.2 for segment in verbose.segments)


async def test_a_polyvox_has_another_one_write_down_what_is_said(url: str, tmp_path: Path) -> None:
    settings = {
        "transcriber_engine": "openai",
        "openai_base_url": f"{url}/v1",
        "openai_api_key": "none",
        "openai_models": {"base": {"times": "none"}},
    }
    async with transcriber(tmp_path, **settings) as here:
        call = read_audio(sample())[FROM_S * RATE_HZ :]
        await here.announce("call-with-times", call)
        await here.announce("call-without", call, model="base", language="en")
        said, words = await here.words("call-with-times")
        _, estimated = await here.words("call-without")
    assert (said.engine, said.model, said.language) == ("openai", "whisper-1", "en")
    text = "".join(word.text for word in words.words).lower()
    assert "they all call me a yankee down here" in text
    assert "yankee" in "".join(word.text for word in estimated.words).lower()
    (yankee,) = [word for word in words.words if "yankee" in word.text.lower()]
    assert FROM_S + yankee.start_s == pytest.approx(26.2, abs=0.8)
    (guess,) = [word for word in estimated.words if "yankee" in word.text.lower()]
    assert guess.start_s == pytest.approx(yankee.start_s, abs=1.5)
    assert (words.estimated, estimated.estimated) == (False, True)
    assert all(before.end_s <= after.start_s for before, after in pairwise(estimated.words))
