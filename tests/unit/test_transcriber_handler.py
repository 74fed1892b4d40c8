"""The transcriber's handler: weights that cannot be had, and what words are stored under."""

from __future__ import annotations

from pathlib import Path

import pytest

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.filesystem import FolderStore
from polyvox.clock import SystemClock
from polyvox.contracts import AudioSlice, Options, PartReady, wrap
from polyvox.errors import Transient, WeightsMissing
from polyvox.publish import Publisher
from transcriber.engines.base import EngineWord, Suspect, TranscribeOptions, Transcription
from transcriber.handler import Handler, options_hash_of, part_words


async def offline(model: str) -> None:
    raise Transient(f"no source gave {model}")


async def never(_flac: bytes, _engine: str, _options: TranscribeOptions) -> Transcription:
    raise AssertionError("there is no model to transcribe with")


@pytest.mark.parametrize(("asked_for", "error"), [("large-v3", WeightsMissing), ("base", Transient), (None, Transient)])
async def test_only_the_default_models_weights_are_the_workers_own_trouble(
    tmp_path: Path, asked_for: str | None, error: type[Exception]
) -> None:
    clock = SystemClock()
    log, store = EmbeddedLog(tmp_path / "log", clock=clock), FolderStore(tmp_path / "objects")
    handler = Handler(
        store,
        Publisher(log, clock, "/tests"),
        clock,
        transcribe=never,
        provide=offline,
        engine="ctranslate2",
        model="base",
    )
    part = PartReady(
        media_id="recording-1",
        part=0,
        part_count=1,
        start_s=0.0,
        end_s=1.0,
        audio=AudioSlice(key="media/recording-1/audio.flac", header_bytes=42, start_byte=42, end_byte=100),
        options=Options(model=asked_for),
    )
    try:
        with pytest.raises(Transient) as raised:
            await handler.handle(wrap(part, source="/tests", time=clock.now()))
        assert type(raised.value) is error
    finally:
        await store.close()
        await log.close()


def test_words_of_another_temperature_are_other_words_and_those_of_old_are_found() -> None:
    usual = options_hash_of("ctranslate2", TranscribeOptions())
    assert usual == options_hash_of("ctranslate2", TranscribeOptions(temperature=0.0))
    assert usual == "8f8647b039f9"
    assert usual != options_hash_of("ctranslate2", TranscribeOptions(temperature=0.4))


def test_what_looks_made_up_is_kept_with_its_reason_in_the_recordings_time() -> None:
    part = PartReady(
        media_id="recording-1",
        part=1,
        part_count=2,
        start_s=600.0,
        end_s=660.0,
        audio=AudioSlice(key="media/recording-1/audio.flac", header_bytes=42, start_byte=42, end_byte=100),
        options=Options(),
    )
    result = Transcription(
        [EngineWord(1.0, 1.4, " no", 0.3, 0), EngineWord(1.4, 1.8, " no", 0.3, 0)],
        "en",
        [],
        [(0.9, 2.0)],
        suspects=[Suspect(1.0, 1.8, "no no", "loop")],
    )
    found = part_words(part, "whisper", TranscribeOptions(), result)
    assert [(one.start_s, one.end_s, one.text, one.reason) for one in found.suspects] == [
        (601.0, 601.8, "no no", "loop")
    ]
    assert [word.start_s for word in found.words] == [601.0, 601.4]
