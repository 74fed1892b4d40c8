"""Real workers, a real log, a real projection; engines that take a known time for each second of audio.

Everything that begins and ends is written down in order, so that tests can count what went before what.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from polyvox import topics
from polyvox.contracts import AudioSlice, Envelope, Fact, Lane, MediaReady, PartReady
from polyvox.errors import PolyvoxError
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.worker import Worker
from polyvox.worker.window import Window
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.stages import Recording

What = Literal["arrived", "began", "ended"]


class Happened(NamedTuple):
    what: What
    stage: str
    tenant: str
    media_id: str
    audio_s: float


@dataclass
class TimedStages:
    """``s_per_audio_s``: how long the engines take. ``open`` lets them; shut, work that begins waits there."""

    runtime: Runtime
    s_per_audio_s: float
    window: Window = field(default_factory=Window)
    metrics: RecordedMetrics = field(default_factory=RecordedMetrics)
    happened: list[Happened] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    _recordings: dict[str, Recording] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._publisher = Publisher(self.runtime.log, self.runtime.clock, "/tests")

    async def arrive(self, recordings: Iterable[Recording], tenant: str, lane: Lane, *, whole: bool = False) -> None:
        """As if decoded: on the log when this returns. ``whole``: not the parts alone, but all that the stages read."""
        facts: list[Fact] = []
        for recording in recordings:
            self._recordings[recording.media_id] = recording
            if whole:
                if lane == "interactive":
                    await recording.accept(self.runtime.store)
                facts += [recording.upload, recording.ready]
            facts += parts_of(recording)
        await self._publisher.publish(*(owned(fact, tenant, lane) for fact in facts))
        for fact in facts:
            self._note("arrived", fact, tenant=tenant)

    @contextlib.asynccontextmanager
    async def working(self, *, transcribers: int, diarizers: int = 0) -> AsyncIterator[None]:
        """One worker of each kind with so many places; none where that is 0."""
        stopping = asyncio.Event()
        workers = []
        if transcribers:
            workers.append(self._worker("transcriber", PartReady.TOPIC, self._transcribe, transcribers))
        if diarizers:
            workers.append(self._worker("diarizer", MediaReady.TOPIC, self._diarize, diarizers))
        tasks = [asyncio.create_task(worker.run(stopping)) for worker in workers]
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)

    def began(self, stage: str) -> list[Happened]:
        return [one for one in self.happened if one.what == "began" and one.stage == stage]

    def between(self, media_id: str, stage: str) -> list[Happened]:
        """What others began in this stage from when a recording arrived until its own work began there."""
        arrived = next(n for n, one in enumerate(self.happened) if one.what == "arrived" and one.media_id == media_id)
        began = next(
            n for n, one in enumerate(self.happened) if one[:2] == ("began", stage) and one.media_id == media_id
        )
        return [one for one in self.happened[arrived:began] if one[:2] == ("began", stage)]

    def _worker(self, name: str, topic: str, handler: Any, concurrency: int) -> Worker:
        return Worker(
            self.runtime.log,
            self.runtime.clock,
            name=name,
            topics=topics.laned(topic),
            handler=handler,
            on_give_up=self._never,
            member=self.runtime.member,
            concurrency=concurrency,
            drain_timeout_s=0.0,
            metrics=self.metrics,
            window=self.window,
        )

    async def _transcribe(self, envelope: Envelope[Any]) -> None:
        part: PartReady = envelope.data
        recording = self._recordings[part.media_id]
        await self._work("transcriber", part)
        # What nobody merges need not be written.
        if part.lane == "interactive":
            await recording.transcribe(self.runtime.store, part.part)
        await self._publisher.publish(owned(recording.transcribed(part.part), part.tenant, part.lane))

    async def _diarize(self, envelope: Envelope[Any]) -> None:
        media: MediaReady = envelope.data
        recording = self._recordings[media.media_id]
        await self._work("diarizer", media)
        if media.lane == "interactive":
            await recording.diarize(self.runtime.store)
        await self._publisher.publish(owned(recording.diarized(), media.tenant, media.lane))

    async def _work(self, stage: str, fact: PartReady | MediaReady) -> None:
        self._note("began", fact, stage=stage)
        await self.open.wait()
        await asyncio.sleep(fact.weight_s() * self.s_per_audio_s)
        self._note("ended", fact, stage=stage)

    def _note(self, what: What, fact: Fact, *, stage: str = "", tenant: str = "") -> None:
        self.happened.append(Happened(what, stage, tenant or fact.tenant, fact.media_id, fact.weight_s()))

    async def _never(self, envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        raise AssertionError(f"{envelope.type} was given up after {attempts} attempts: {error}")


def parts_of(recording: Recording) -> list[PartReady]:
    ready = recording.ready
    return [
        PartReady(
            media_id=recording.media_id,
            part=span.part,
            part_count=recording.parts,
            start_s=span.start_s,
            end_s=span.end_s,
            audio=AudioSlice(key=ready.tracks[0].key, header_bytes=1, start_byte=1, end_byte=2),
            options=recording.options,
        )
        for span in ready.parts
    ]


def owned(fact: Fact, tenant: str, lane: Lane) -> Fact:
    return fact.model_copy(update={"tenant": tenant, "lane": lane})
