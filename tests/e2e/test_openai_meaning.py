"""OpenAI's SDK against a Polyvox with its real models: what is said, and by how many."""

from __future__ import annotations

import pytest
from openai import AsyncOpenAI

from polyvox.cli.demo import sample
from polyvox.cli.local_server import temporary_server
from polyvox.settings import Settings

pytestmark = pytest.mark.models


async def test_a_telephone_call_is_told_apart() -> None:
    async with (
        temporary_server(Settings()) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as sdk,
    ):
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
