"""A transcriber and a diarizer whose engines return at once: what is left is what the pipeline itself costs.

    python -m benchmarks.instant transcriber|diarizer --member NAME [--parent PID]

Handlers, worker, log and store are the product's own; only the models are not there.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from diarizer.engines.base import Diarized, DiarizeOptions, EngineTurn, Run
from diarizer.handler import Diarizer
from diarizer.measuring import Measuring as DiarizerMeasuring
from diarizer.notes import Notes
from polyvox import topics
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.contracts import MediaReady, PartReady, RetakeReady
from polyvox.errors import Invalid, Transient
from polyvox.flac_frames import read_streaminfo
from polyvox.host import run_loaded
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime, Service
from polyvox.settings import Settings
from polyvox.tenants import TenantClasses
from polyvox.worker import worker_of
from transcriber.engines.base import Effort, EngineWord, TranscribeOptions, Transcription
from transcriber.handler import Handler
from transcriber.measuring import Measuring as TranscriberMeasuring
from transcriber.retakes import PartsAndRetakes, Retakes

CONCURRENCY = 8
EFFORT = Effort(busy_s=0.001, windows=1, window_s=6.0, decodes=1, tokens=12)
FAILURES = {"fail: invalid": Invalid("It was asked for.", code="asked-for"), "fail: transient": Transient("asked for")}
"""By prompt."""
DOOMED_SPEAKERS = 13
"""Whoever knows of so many gets none."""
TALK_FOR = "talk: "
"""Begins a prompt that asks for words for so many seconds."""
TURN_S = 3.0
TALK = ["So", "we", "look", "at", "what", "it", "costs,", "one", "recording", "after", "the", "other."]


async def transcribe(_flac: bytes, _engine: str, options: TranscribeOptions) -> Transcription:
    """Two words a second for six seconds or as long as asked for, or a failure for who asks for one."""
    prompt = options.prompt or ""
    if prompt in FAILURES:
        raise FAILURES[prompt]
    talk_s = float(prompt.removeprefix(TALK_FOR)) if prompt.startswith(TALK_FOR) else len(TALK) / 2
    said = itertools.islice(itertools.cycle(TALK), int(talk_s * 2))
    words = [EngineWord(n / 2, n / 2 + 0.4, f" {word}", 0.9, int(n / 2 // 30)) for n, word in enumerate(said)]
    return Transcription(words, "en", [("en", 1.0)], [(0.0, talk_s)], effort=EFFORT)


async def provide(_model: str) -> None:
    """There are no weights to fetch."""


class Turns:
    async def diarize(
        self, audio: Path, options: DiarizeOptions, _notes: Notes, _channels: Sequence[tuple[Path, Notes]] = ()
    ) -> Run:
        if options.num_speakers == DOOMED_SPEAKERS:
            raise FAILURES["fail: invalid"]
        with audio.open("rb") as file:
            samples = int.from_bytes(read_streaminfo(file)[13:18], "big") & ((1 << 36) - 1)
        audio_s = samples / SAMPLE_RATE_HZ
        begins_s = [number * TURN_S for number in range(max(int(audio_s / TURN_S), 2))]
        turns = [EngineTurn(begin_s, begin_s + TURN_S, f"S{n % 2 + 1}") for n, begin_s in enumerate(begins_s)]
        return Run(Diarized(turns, turns, {}), audio_s, "instant", "none", busy_s=0.001)


async def transcriber(runtime: Runtime) -> None:
    publisher = Publisher(runtime.log, runtime.clock, "/benchmarks/transcriber")
    handler = Handler(
        runtime.store,
        publisher,
        runtime.clock,
        transcribe=transcribe,
        provide=provide,
        engine="instant",
        model="none",
        measure=TranscriberMeasuring(process_metrics(), TenantClasses(runtime.settings.tenant_classes)).transcribed,
    )
    both = PartsAndRetakes(handler, Retakes(runtime.store, publisher, runtime.clock, handler))
    worker = worker_of(
        runtime,
        name="transcriber",
        topics=topics.laned(PartReady.TOPIC, RetakeReady.TOPIC),
        handler=both.handle,
        on_give_up=both.give_up,
        concurrency=CONCURRENCY,
    )
    await worker.run(runtime.stopping)


async def diarizer(runtime: Runtime) -> None:
    publisher = Publisher(runtime.log, runtime.clock, "/benchmarks/diarizer")
    measuring = DiarizerMeasuring(process_metrics(), TenantClasses(runtime.settings.tenant_classes))
    handler = Diarizer(runtime.store, publisher, runtime.clock, Turns(), pipeline="builtin", measure=measuring.diarized)
    worker = worker_of(
        runtime,
        name="diarizer",
        topics=topics.laned(MediaReady.TOPIC),
        handler=handler.handle,
        on_give_up=handler.give_up,
        concurrency=CONCURRENCY,
    )
    await worker.run(runtime.stopping)


SERVICES = {"transcriber": transcriber, "diarizer": diarizer}


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("name", choices=list(SERVICES))
    options.add_argument("--member", required=True)
    options.add_argument("--parent", type=int)
    given = options.parse_args()
    if given.parent:
        threading.Thread(target=_follow, args=(given.parent,), daemon=True).start()
    service = Service(name=given.name, work=SERVICES[given.name])
    return run_loaded([service], Settings(), member=given.member)


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
