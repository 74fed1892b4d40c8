"""A diarizer that never answers takes no words with it: the result has none of its speakers, until a replay."""

from __future__ import annotations

from pathlib import Path

from benchmarks import instant
from diarizer.children import EngineProcesses
from diarizer.service import work_with
from polyvox.client import AsyncClient
from polyvox.service import Runtime
from tests.support.instant_product import BEHIND, FRONT, instant_product, running
from tests.support.polling import until
from tests.support.stack import speech

BOUND_S = 2.0
SERVICES = (*FRONT, *BEHIND, "transcriber", "diarizer")


async def stuck(runtime: Runtime) -> None:
    """The product's diarizer, whose engine's process takes a recording and is heard of no more."""
    await work_with(EngineProcesses(runtime.settings, host="tests.support.child_targets:Deaf"), runtime)


async def test_words_of_a_stuck_diarizer_s_recording_come_and_its_speakers_by_a_replay(tmp_path: Path) -> None:
    recording = speech(tmp_path / "call.flac", 6.0)
    own = {**instant.SERVICES, "diarizer": stuck}
    # Any pipeline but the built-in one, whose weights this engine has no use for.
    bounds = {"diarize_timeout_s": BOUND_S, "diarizer_pipeline": "stuck"}
    async with running(SERVICES, tmp_path / "data", own, **bounds) as url, AsyncClient(url) as client:
        media_id = await client.upload(recording)
        assert (await client.wait(media_id, timeout_s=60)).status == "completed"
        first = await client.transcript(media_id)
    stage = first.stages["diarize"]
    assert (stage.status, first.speakers) == ("failed", [])
    assert stage.reason is not None and "too long" in stage.reason
    assert len(first.text.split()) == len(instant.TALK)

    async with instant_product(tmp_path / "data") as url, AsyncClient(url) as client:
        await client.replay({"stage": "diarize", "where": {"media_ids": [media_id]}})

        async def is_there() -> bool:
            return (await client.transcript(media_id)).stages["diarize"].status == "done"

        await until(is_there)
        second = await client.transcript(media_id)
        state = await client.get(media_id)
    assert (second.media_id, second.text, len(second.speakers)) == (media_id, first.text, 2)
    assert state.document["version"] == 2
