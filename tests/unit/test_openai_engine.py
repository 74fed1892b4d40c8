"""The engine openai against a server that speaks the same API and knows what was sent to it."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import numpy as np
import pytest

from polyvox import metrics
from polyvox.audio import encode_flac
from polyvox.errors import Invalid
from polyvox.settings.remote import RemoteModel
from tests.support.polling import until
from tests.support.remote_engine import Remote, remote, talk
from transcriber.engines.base import Transcription
from transcriber.speech import subtract, total_s

ROUNDING_S = 0.001


def texts(result: Transcription) -> list[str]:
    return [word.text.strip() for word in result.words]


def errors_s(result: Transcription) -> list[float]:
    """How far the words' starts are off."""
    true_s = {word.text: word.start_s for word in talk().words}
    return [abs(word.start_s - true_s[word.text.strip()]) for word in result.words]


def assert_all_was_sent_once(found: Remote) -> None:
    assert total_s(subtract(talk().speech, found.pieces)) < 0.01, "speech was left out"
    assert all(before[1] <= after[0] + ROUNDING_S for before, after in pairwise(found.pieces)), "sent twice"


@pytest.mark.parametrize("bare", [True, False])
async def test_times_of_words_are_those_that_the_endpoint_gives_and_the_text_keeps_its_marks(bare: bool) -> None:
    async with remote(bare=bare) as found:
        result = await found.transcribe(prompt="Calls.", temperature=0.2)
    assert texts(result) == [word.text for word in talk().words]
    assert max(errors_s(result)) < 0.05
    assert not result.estimated
    assert (result.language, result.languages) == ("en", [("en", 1.0)])
    assert_all_was_sent_once(found)
    (got,) = found.there.got
    assert len(got.pieces) == 2, "the pause is not sent"
    assert result.effort.sent_s == pytest.approx(sum(high_s - low_s for low_s, high_s in got.pieces), abs=0.01)
    assert got["response_format"] == "verbose_json"
    assert got.fields["timestamp_granularities"] == ["word", "segment"]
    assert (got["prompt"], got["temperature"], got["language"]) == ("Calls.", "0.2", None)
    assert found.counters.count(metrics.REMOTE_REQUESTS, model="whisper-1", outcome="answered") == 1


async def test_without_any_times_words_are_spread_over_short_slices_and_say_so() -> None:
    async with remote() as found:
        result = await found.transcribe(model="gpt-4o-mini-transcribe", language="en")
    assert texts(result) == [word.text for word in talk().words]
    assert result.estimated
    assert max(errors_s(result)) < 0.3
    assert_all_was_sent_once(found)
    assert len(found.there.got) >= 4
    for got in found.there.got:
        ((low_s, high_s),) = got.pieces
        assert high_s - low_s <= 10.0 + ROUNDING_S
        assert got["response_format"] == "json"
        assert got["language"] == "en"
        assert "timestamp_granularities" not in got.fields
    assert [word.probability for word in result.words] == pytest.approx([math.exp(-0.25)] * len(result.words))
    assert all(start.end_s <= end.start_s + 0.001 for start, end in pairwise(result.words))


async def test_with_times_of_segments_alone_words_are_spread_inside_them() -> None:
    async with remote(models={"ours": RemoteModel(times="segments", slice_s=30.0)}) as found:
        result = await found.transcribe(model="ours")
    assert texts(result) == [word.text for word in talk().words]
    assert result.estimated
    assert max(errors_s(result)) < 0.3
    assert {tuple(got.fields["timestamp_granularities"]) for got in found.there.got} == {("segment",)}
    assert_all_was_sent_once(found)


async def test_uploads_stay_below_the_limit_and_nothing_is_lost_or_sent_twice() -> None:
    hiss = np.random.default_rng(3).normal(0.0, 0.004, talk().audio.size).astype(np.float32)
    loud = np.clip(np.concatenate([talk().audio * 0.8 + hiss, talk().audio]), -1.0, 0.99)
    async with remote(audio=loud, max_bytes=1_000_000) as found:
        await found.transcribe(encode_flac(loud))
    assert len(found.there.got) > 2
    assert max(got.size_bytes for got in found.there.got) < 1_000_000
    assert all(before[1] <= after[0] + ROUNDING_S for before, after in pairwise(found.pieces))


async def test_no_more_requests_are_open_than_may_be() -> None:
    async with remote(parallel=3) as found:
        found.there.held = asyncio.Event()
        working = [asyncio.ensure_future(found.transcribe(model="gpt-4o-transcribe")) for _ in range(2)]
        await until(lambda: found.there.open == 3)
        found.there.held.set()
        await asyncio.gather(*working)
    assert found.there.most_open == 3


async def test_a_translation_goes_to_its_own_route() -> None:
    async with remote() as found:
        result = await found.transcribe(task="translate", language="de")
        with pytest.raises(Invalid, match="cannot translate"):
            await found.transcribe(task="translate", model="gpt-4o-transcribe")
    assert {got.route for got in found.there.got} == {"translations"}
    assert {(got["language"], "timestamp_granularities" in got.fields) for got in found.there.got} == {(None, False)}
    assert result.estimated and result.words


async def test_a_language_is_found_from_a_few_slices() -> None:
    async with remote(language="german") as found:
        result = await found.transcribe(task="detect")
        with pytest.raises(Invalid, match="does not tell which language"):
            await found.transcribe(task="detect", model="gpt-4o-transcribe")
    assert (result.language, result.languages, result.words) == ("de", [("de", 1.0)], [])
    assert 0 < len(found.there.got) <= 4


async def test_only_the_stretches_that_are_asked_for_are_sent() -> None:
    stretches = ((6.0, 9.0), (41.0, 45.0))
    async with remote() as found:
        result = await found.transcribe(stretches=stretches)
    assert result.words
    assert all(any(low_s - 0.5 <= word.start_s <= high_s + 0.5 for low_s, high_s in stretches) for word in result.words)
    assert sum(high_s - low_s for low_s, high_s in found.pieces) < 9.0


async def test_silence_is_not_sent() -> None:
    async with remote() as found:
        result = await found.transcribe(encode_flac(np.zeros(32_000, np.float32)))
    assert (result.words, result.speech, found.there.got) == ([], [], [])
