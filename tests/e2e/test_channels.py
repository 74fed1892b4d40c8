"""A real call with a speaker on each channel, through the normaliser's decoding and the diarizer's service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.scoring import SpokenTurn, der, read_rttm
from diarizer.service import DIARIZER
from ingest.decode.file import decode_file
from ingest.normaliser import facts
from polyvox import bootstrap, keys
from polyvox.contracts import Diarization, MediaDiarized, MediaReady, MediaUploaded, Options
from polyvox.contracts.media_uploaded import StoredObject
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput
from tests.support.reading import told
from tests.support.results import until
from tests.support.stages import START

LENGTH_S = 26.0
"""Of the call: both speak, several times."""


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with bootstrap.runtime(Settings(data_dir=tmp_path / "data"), member="diarizer-test") as runtime:
        assert DIARIZER.work is not None
        work = asyncio.create_task(DIARIZER.work(runtime))  # type: ignore[arg-type]
        yield runtime
        runtime.stopping.set()
        await work


async def diarized(runtime: Runtime, folder: Path, media_id: str, source: Path, channels: str) -> Diarization:
    """Decode and store ``source`` as the normaliser does, and have it diarized."""
    upload = MediaUploaded(
        media_id=media_id,
        original=StoredObject(key=keys.original(media_id), size_bytes=1),
        uploaded_at=START,
        options=Options.model_validate({"channels": channels}),
    )
    files = [folder / f"{media_id}-{name}.flac" for name in ("mix", 0, 1)]
    with source.open("rb") as original, ExitStack() as opened:
        mix, *sides = [opened.enter_context(file.open("w+b")) for file in files]
        account = decode_file(original, mix, part_max_s=600.0, max_duration_s=600.0, channels=sides)
    ready = facts(upload, account)[0]
    assert isinstance(ready, MediaReady)
    for track, file in zip(ready.tracks, files, strict=False):
        await runtime.store.put(track.key, file.read_bytes())
    await Publisher(runtime.log, runtime.clock, "/tests").publish(ready)

    async def done() -> str | None:
        events = [event.data for event in await told(runtime.log, MediaDiarized)]
        return next((event.diarization_key for event in events if event.media_id == media_id), None)

    key = await until(done, "the turns", within_s=240)
    assert key is not None
    return Diarization.model_validate_json(await runtime.store.get(key))


@pytest.mark.models
async def test_on_a_call_each_channel_is_a_speaker_and_a_dual_mono_file_is_no_call(
    runtime: Runtime, tmp_path: Path, eval_dir: Path
) -> None:
    composite = eval_dir / "composite"
    sound, rate_hz = soundfile.read(composite / "comp-call-stereo-o.wav", dtype="float32", frames=int(LENGTH_S * 8000))
    # Each end hears the other a little later and 20 dB softer, as on a line with an echo.
    echo = 0.1 * np.pad(sound[:, ::-1], ((480, 0), (0, 0)))[: len(sound)]
    soundfile.write(tmp_path / "call.wav", (sound + echo).clip(-1, 1), rate_hz)
    found = await diarized(runtime, tmp_path, "call-0001", tmp_path / "call.wav", "auto")
    assert [(one.speaker, one.channel) for one in found.speakers] == [("S1", 0), ("S2", 1)]
    assert all(len(one.vector) == 192 for one in found.speakers)
    assert found.warnings == []
    reference = [
        SpokenTurn(turn.start_s, min(turn.end_s, LENGTH_S), turn.speaker)
        for turn in read_rttm(composite / "comp-call-stereo-o.rttm")
        if turn.start_s < LENGTH_S
    ]
    turns = [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in found.turns]
    assert der(reference, turns) <= 0.12
    # Who is who is no guess: the reference's first speaker is on the first channel.
    middle_s = (reference[0].start_s + reference[0].end_s) / 2
    assert next(turn.speaker for turn in found.turns if turn.start_s <= middle_s <= turn.end_s) == "S1"
    transcript = merge(MergeInput("call-0001", LENGTH_S, diarization=found))
    assert [(one.id, one.channel) for one in transcript.speakers] == [("S1", 0), ("S2", 1)]

    mono = sound.sum(axis=1)[: 12 * rate_hz]
    soundfile.write(tmp_path / "mono.wav", np.stack([mono, mono], axis=1).clip(-1, 1), rate_hz)
    plain = await diarized(runtime, tmp_path, "mono-0001", tmp_path / "mono.wav", "split")
    assert {one.channel for one in plain.speakers} == {None}
    assert plain.warnings and "two channels are the same" in plain.warnings[0]
    assert plain.warnings[0] in merge(MergeInput("mono-0001", 12.0, diarization=plain)).warnings
