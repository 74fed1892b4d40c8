"""The transcriber service that sends its parts to an endpoint, as its settings have it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.upload.options import Known, read_options
from polyvox import metrics, weights
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.contracts import LaneBacklog, StageFailed, TenantBacklog
from polyvox.errors import Fatal
from polyvox.http import Problem
from polyvox.publish import Publisher
from polyvox.settings import Settings
from tests.support.openai_endpoint import KEY, Endpoint, endpoint
from tests.support.polling import until
from tests.support.reading import told
from tests.support.recorded_metrics import recording
from tests.support.remote_engine import talk
from tests.support.transcribers import transcriber


def at(there: Endpoint, **more: Any) -> dict[str, Any]:
    return {"openai_base_url": there.url, "openai_api_key": KEY, **more}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"transcriber_engine": "openai"}, "POLYVOX_TRANSCRIBER_ENGINE"),
        ({"transcriber_engine": "openai", "openai_api_key": " "}, "POLYVOX_TRANSCRIBER_ENGINE"),
        ({"transcriber_overflow_backlog_s": 3600.0}, "POLYVOX_TRANSCRIBER_OVERFLOW_BACKLOG_S"),
    ],
)
async def test_without_a_key_the_service_does_not_start_and_says_which_setting_it_lacks(
    tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    async with transcriber(tmp_path, **settings) as there:
        with pytest.raises(Fatal, match=f"{named}.*set POLYVOX_OPENAI_API_KEY"):
            await there.working


async def test_a_part_is_cut_sent_and_written_down(tmp_path: Path) -> None:
    with recording() as counters:
        async with (
            endpoint(talk().audio, talk().words) as there,
            transcriber(tmp_path, **at(there, transcriber_engine="openai", openai_parallel=2)) as here,
        ):
            await here.announce("recording-1", talk().audio)
            await here.announce("recording-2", talk().audio, model="gpt-4o-transcribe", language="en")
            said, words = await here.words("recording-1")
            other, estimated = await here.words("recording-2")
    assert (said.engine, said.model, said.language, said.word_count) == ("openai", "whisper-1", "en", len(talk().words))
    assert [word.text.strip() for word in words.words] == [word.text for word in talk().words]
    assert (words.estimated, estimated.estimated, other.model) == (False, True, "gpt-4o-transcribe")
    assert said.options_hash != other.options_hash
    spoken_s = sum(end_s - start_s for start_s, end_s in talk().speech)
    sent_s = counters.count(metrics.REMOTE_AUDIO, model="whisper-1", tenant_class="standard")
    assert spoken_s < sent_s < talk().audio.size / 16_000


async def test_a_wrong_key_stops_the_service_and_no_part_fails_by_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with (
        endpoint(talk().audio, talk().words) as there,
        transcriber(tmp_path, **at(there, transcriber_engine="openai", openai_api_key="sk-gone-456")) as here,
    ):
        await here.announce("recording-1", talk().audio)
        with pytest.raises(Fatal, match="Correct POLYVOX_OPENAI_API_KEY"):
            await asyncio.wait_for(asyncio.shield(here.working), 60)
        assert await told(here.runtime.log, StageFailed) == []
    assert "sk-gone-456" not in caplog.text


@pytest.mark.models
async def test_what_waits_brings_parts_elsewhere_while_the_model_here_works_on(tmp_path: Path) -> None:
    part = talk().audio[: 9 * SAMPLE_RATE_HZ]
    weights.pull("whisper-base", Settings().weights_dir)
    with recording() as counters:
        async with (
            endpoint(talk().audio, talk().words) as there,
            transcriber(tmp_path, **at(there, transcriber_overflow_backlog_s=600.0, transcriber_batch=1)) as here,
        ):
            await Publisher(here.runtime.log, here.runtime.clock, "/tests").publish(
                TenantBacklog(tenant="default", as_of=datetime.now(UTC), bulk=LaneBacklog(recordings=9, audio_s=5000.0))
            )
            await until(lambda: 1.0 in counters.values(metrics.OVERFLOWING))
            for number in range(3):
                await here.announce(f"recording-{number}", part)
            heard = [await here.words(f"recording-{number}") for number in range(3)]
    assert sorted(said.engine for said, _ in heard) == ["openai", "openai", "whisper"]
    assert all(said.engine == words.engine and said.model == words.model and words.words for said, words in heard)


def test_uploads_may_name_the_engine_and_its_models_where_there_is_a_key() -> None:
    without, added = Known.of(Settings()), Known.of(Settings(openai_api_key="sk", openai_models={"ours": {}}))
    alone = Known.of(Settings(openai_api_key="sk", transcriber_engine="openai"))
    with pytest.raises(Problem, match="engine 'openai'"):
        read_options([("engine", "openai")], without)
    assert read_options([("engine", "openai"), ("model", "ours")], added).model == "ours"
    with pytest.raises(Problem, match="model 'base'"):
        read_options([("engine", "openai"), ("model", "base")], added)
    with pytest.raises(Problem, match="model 'ours'"):
        read_options([("model", "ours")], added)
    assert read_options([("model", "whisper-1")], alone).engine is None
    assert read_options([("engine", "whisper"), ("model", "tiny.en")], alone).model == "tiny.en"
