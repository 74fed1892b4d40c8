"""Requests through a real child process: each comes back with its own answer or error."""

from __future__ import annotations

import asyncio
from pathlib import Path

from polyvox.errors import Invalid
from polyvox.metrics import process_metrics
from polyvox.settings import Settings
from transcriber.children import Models
from transcriber.engines.base import TranscribeOptions


async def test_what_is_wrong_with_one_request_is_said_of_that_one(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, weights_dir=tmp_path / "weights", transcriber_engine="whisper")
    models = Models(settings, process_metrics())
    try:
        answers = await asyncio.gather(
            models.transcribe(b"no FLAC", "abacus", TranscribeOptions()),
            models.transcribe(b"no FLAC", "ctranslate2", TranscribeOptions()),
            return_exceptions=True,
        )
    finally:
        await models.close()
    engine, audio = answers
    assert isinstance(engine, Invalid)
    assert "there is no engine 'abacus'" in str(engine)
    assert isinstance(audio, Invalid)
    assert "abacus" not in str(audio)
