"""The whole product on the two-speaker recording inside pyannote.audio: does the result mean the right thing?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from benchmarks.scoring import SpokenTurn, der, read_rttm, read_stm, speaker_accuracy, wer
from polyvox.cli.demo import sample
from polyvox.client import AsyncClient
from polyvox.contracts import Transcript
from tests.support.product import Product

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="module")]


class Outcome:
    """What the product made of the recording."""

    def __init__(self, transcript: Transcript, documents: dict[str, str]) -> None:
        self.transcript = transcript
        self.documents = documents


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def outcome(whole_product: Product) -> AsyncIterator[Outcome]:
    async with AsyncClient(whole_product.url) as client:
        media_id = await client.upload(sample())
        state = await client.wait(media_id, timeout_s=240)
        assert state.status == "completed", state.document
        documents = {form: await client.export(media_id, form) for form in ("text", "srt", "vtt", "rttm", "json")}
        yield Outcome(await client.transcript(media_id), documents)


async def test_the_words_are_right(outcome: Outcome) -> None:
    reference = " ".join(utterance.text for utterance in read_stm(sample().with_suffix(".stm")))
    assert wer(reference, outcome.transcript.text) <= 0.30


async def test_the_speakers_are_right(outcome: Outcome) -> None:
    turns = [SpokenTurn(turn.start, turn.end, turn.speaker) for turn in outcome.transcript.turns]
    assert der(read_rttm(sample().with_suffix(".rttm")), turns) <= 0.08


async def test_nine_words_in_ten_have_the_right_speaker(outcome: Outcome) -> None:
    reference = [(utterance.text, utterance.speaker) for utterance in read_stm(sample().with_suffix(".stm"))]
    heard = [(word.word, word.speaker) for segment in outcome.transcript.segments for word in segment.words]
    assert speaker_accuracy(reference, heard) >= 0.90


async def test_the_result_says_how_it_came_about(outcome: Outcome) -> None:
    transcript = outcome.transcript
    assert transcript.status == "completed"
    assert transcript.language == "en"
    assert transcript.duration == pytest.approx(30.0, abs=0.1)
    assert len(transcript.speakers) == 2
    assert {name: stage.status for name, stage in transcript.stages.items()} == {
        "normalise": "done",
        "transcribe": "done",
        "diarize": "done",
    }
    assert transcript.versions
    assert transcript.coverage.speech > 15


async def test_every_format_tells_the_same_words(outcome: Outcome) -> None:
    first, last = outcome.transcript.segments[0], outcome.transcript.segments[-1]
    for form in ("text", "srt", "vtt"):
        assert first.text.split()[0] in outcome.documents[form]
        assert last.text.split()[-1] in outcome.documents[form]
    assert "-->" in outcome.documents["srt"]
    assert outcome.documents["vtt"].startswith("WEBVTT")
    assert outcome.documents["rttm"].startswith("SPEAKER ")
    assert json.loads(outcome.documents["json"])["media_id"] == outcome.transcript.media_id
