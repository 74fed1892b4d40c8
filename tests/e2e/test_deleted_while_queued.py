"""Work on a recording that was deleted while it waited ends without a word, at every stage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from diarizer.handler import Diarizer
from polyvox import bootstrap, dead_letters, topics
from polyvox.contracts import AudioSlice, Envelope, Fact, MediaReady, PartReady, StageFailed
from polyvox.errors import PolyvoxError
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from polyvox.worker import worker_of
from tests.support.polling import until
from tests.support.reading import told
from tests.support.stages import Recording
from transcriber.handler import Handler as Transcriber

Handle = Callable[[Envelope[Any]], Awaitable[None]]
GiveUp = Callable[[Envelope[Any], PolyvoxError, int], Awaitable[None]]


async def untouched(*_arguments: Any) -> Any:
    raise AssertionError("there is nothing to work on")


async def all_here(_model: str) -> None:
    """Weights are not what is missing."""


class Untouched:
    diarize = staticmethod(untouched)


def part(recording: Recording) -> PartReady:
    audio = AudioSlice(key=recording.ready.tracks[0].key, header_bytes=42, start_byte=42, end_byte=52)
    return PartReady(media_id=recording.media_id, part=0, part_count=1, start_s=0, end_s=10, audio=audio)


def transcriber(runtime: Runtime, publisher: Publisher) -> tuple[Handle, GiveUp]:
    handler = Transcriber(
        runtime.store,
        publisher,
        runtime.clock,
        transcribe=untouched,
        provide=all_here,
        engine="ctranslate2",
        model="base",
    )
    return handler.handle, handler.give_up


def diarizer(runtime: Runtime, publisher: Publisher) -> tuple[Handle, GiveUp]:
    handler = Diarizer(runtime.store, publisher, runtime.clock, Untouched(), pipeline="builtin")  # type: ignore[arg-type]
    return handler.handle, handler.give_up


STAGES = [("transcriber", transcriber, part), ("diarizer", diarizer, lambda recording: recording.ready)]


@pytest.mark.parametrize(("name", "stage", "fact"), STAGES)
async def test_a_deletion_is_no_failure_and_a_lost_object_is_one(
    tmp_path: Path,
    name: str,
    stage: Callable[[Runtime, Publisher], tuple[Handle, GiveUp]],
    fact: Callable[[Recording], PartReady | MediaReady],
) -> None:
    deleted, robbed = Recording(), Recording()
    settings = Settings(data_dir=tmp_path / "data", retry_base_s=0.01, retry_max_s=0.05)
    async with bootstrap.runtime(settings, member="test") as runtime:
        publisher = Publisher(runtime.log, runtime.clock, "/tests")
        # What a deletion takes with it is gone; of the other only the audio is.
        await robbed.accept(runtime.store)
        inputs: list[Fact] = [fact(deleted), fact(robbed)]
        await publisher.publish(*inputs)
        handle, give_up = stage(runtime, publisher)
        names = topics.laned(inputs[0].TOPIC)
        worker = worker_of(runtime, name=name, topics=names, handler=handle, on_give_up=give_up, concurrency=1)
        working = asyncio.create_task(worker.run(runtime.stopping))

        async def idle() -> bool:
            return not any((await runtime.log.lag(name, names)).values())

        await until(idle)
        failed = [envelope.subject for envelope in await told(runtime.log, StageFailed)]
        letters = [letter.media_id async for letter in dead_letters.letters(runtime.log, name)]
        runtime.stopping.set()
        await working
    assert failed == [robbed.media_id]
    assert letters == [robbed.media_id]
