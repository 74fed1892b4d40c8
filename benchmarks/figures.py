"""Measures how fast a transcriber or a diarizer is by itself, and prints its entry for polyvox/planning/figures.toml.

    python -m benchmarks.figures transcriber|diarizer [--model base] [--device cpu] [--seconds 180] [FILE]

The model runs in the product's own child process, warm, with nothing else of the product beside it. On the CPU the
figure comes from CPU time: what so many cores do that have nothing else to do. On a GPU it is wall-clock time, so
measure on one that is free.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
import soundfile

from diarizer.children import EngineProcesses
from diarizer.engines.base import DiarizeOptions
from polyvox import weights
from polyvox.cli.demo import sample
from polyvox.metrics import process_metrics
from polyvox.settings import Settings
from transcriber.children import Models
from transcriber.engines.base import TranscribeOptions

Work = Callable[[Path], Awaitable[object]]


@dataclass(frozen=True)
class Took:
    wall_s: float
    cpu_s: float
    memory_mib: float


async def measured(work: Work, file: Path, repeats: int) -> list[Took]:
    """Each run after a first one that loads the model."""
    await work(file)
    found = []
    for _ in range(repeats):
        began_s, cpu_s = time.perf_counter(), children_cpu_s()
        await work(file)
        found.append(Took(time.perf_counter() - began_s, children_cpu_s() - cpu_s, children_mib()))
    return found


def children_cpu_s() -> float:
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))


def children_mib() -> float:
    """Peak memory of what is below this process, and this process, which stands for the worker."""
    return sum(
        int(line.split()[1]) / 1024
        for process in (psutil.Process(), *psutil.Process().children(recursive=True))
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    )


async def transcriber(file: Path, settings: Settings, model: str, repeats: int) -> tuple[str, list[Took]]:
    await weights.pull_async(weights.for_transcriber(model), settings.weights_dir)
    models = Models(settings, process_metrics())
    options = TranscribeOptions(model=model)

    async def work(audio: Path) -> object:
        return await models.transcribe(audio.read_bytes(), settings.transcriber_engine, options)

    try:
        return settings.transcriber_engine, await measured(work, file, repeats)
    finally:
        await models.close()


async def diarizer(file: Path, settings: Settings, _model: str, repeats: int) -> tuple[str, list[Took]]:
    engines = EngineProcesses(settings)

    async def work(audio: Path) -> object:
        return await engines.diarize(audio, DiarizeOptions())

    try:
        return "pyannote", await measured(work, file, repeats)
    finally:
        await engines.close()


def excerpt(source: Path, seconds: float, folder: Path) -> Path:
    """``seconds`` of ``source``, from its start and again from its start if need be, as FLAC."""
    samples, rate = soundfile.read(source, dtype="float32")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    if rate != 16_000:
        raise SystemExit(f"{source} has {rate} Hz; give a file with 16,000")
    whole = [mono] * (int(seconds * rate) // len(mono) + 1)
    place = folder / "excerpt.flac"
    with soundfile.SoundFile(place, "w", rate, 1, "PCM_16") as out:
        left = int(seconds * rate)
        for block in whole:
            out.write(block[:left])
            left -= min(len(block), left)
    return place


def entry(worker: str, engine: str, model: str, device: str, seconds: float, found: list[Took]) -> str:
    """The lines for figures.toml."""
    cores = os.cpu_count() or 1
    on_cpu = device == "cpu"
    best = sorted(found, key=lambda took: took.cpu_s if on_cpu else took.wall_s)[len(found) // 2]
    rtfx = seconds * cores / best.cpu_s if on_cpu else seconds / best.wall_s
    wall = f"wall clock {seconds / best.wall_s:.1f} times real time"
    how = f"{seconds:g} s of speech, median of {len(found)}" + (f"; by CPU time, {wall}" if on_cpu else f"; {wall}")
    return (
        f'[[stage]]\nworker = "{worker}"\nengine = "{engine}"\nmodel = "{model}"\ndevice = "{device}"\n'
        f"cores = {cores if on_cpu else 1}\nrtfx = {rtfx:.1f}\nmemory_mib = {round(best.memory_mib)}\n"
        f'measured = "{datetime.now(UTC):%Y-%m}"\nmachine = "{cores} cores, {platform.machine()}"\nhow = "{how}"\n'
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("worker", choices=["transcriber", "diarizer"])
    options.add_argument("--model", default="base")
    options.add_argument("--device", default="cpu", help="cpu or cuda")
    options.add_argument("--name", help="What figures call the device; for example h200.")
    options.add_argument("--seconds", type=float, default=180.0)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("file", type=Path, nargs="?")
    given = options.parse_args()
    settings = Settings(device=given.device)
    run = transcriber if given.worker == "transcriber" else diarizer
    model = given.model if given.worker == "transcriber" else settings.diarizer_pipeline
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
        file = excerpt(given.file or sample(), given.seconds, Path(folder))
        engine, found = asyncio.run(run(file, settings, model, given.repeats))
    print(entry(given.worker, engine, model, given.name or given.device, given.seconds, found))


if __name__ == "__main__":
    main()
