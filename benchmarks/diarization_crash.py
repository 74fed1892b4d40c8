"""A recording of hours through the diarizer's own process, which is killed in the middle: time, memory, progress.

    python -m benchmarks.diarization_crash [--hours 4] [--kill-after 12] [--folder FOLDER]

The recording is made of those of the evaluation set that say who speaks when, one after the other, again from the
first until it is long enough. `python -m diarizer` gets it from an embedded log and store. After so many stretches
(0: never) it and its model are killed with SIGKILL and started again. Prints Markdown: what each life took and held,
when it told of progress (each ten minutes of the recording), and the turns' error.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from pathlib import Path

import psutil
import soundfile

from benchmarks.diarization import EVALUATION, RATE_HZ, decoded, recordings_of
from benchmarks.diarization_scores import components, summed
from benchmarks.recording import peak_bytes
from benchmarks.scoring import SpokenTurn, read_rttm
from polyvox import bootstrap, keys
from polyvox.contracts import AudioTrack, Diarization, DiarizationProgressed, MediaDiarized, MediaReady, Options
from polyvox.contracts.media_ready import SourceInfo
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings
from tests.support.reading import told

MEDIA_ID = "recording-of-hours"
SETS = ["composite", "diar_real", "long"]
LOOK_S = 0.5


@dataclass
class Life:
    """One process of the diarizer, from its start to its end. ``peak_bytes`` by process: the service, its model."""

    began_s: float
    heard_s: list[tuple[float, float]] = field(default_factory=list)
    """When progress was told, from the start of this life, and how far in the recording that is."""
    peak_bytes: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    took_s: float = 0.0


def write(place: Path, hours: float) -> list[SpokenTurn]:
    """The recording, and who speaks when in it. People are who they are in all recordings."""
    turns: list[SpokenTurn] = []
    at = 0
    with tempfile.TemporaryDirectory() as folder, soundfile.SoundFile(place, "w", RATE_HZ, 1, "PCM_16") as file:
        for recording in cycle(recordings_of(SETS, float("inf"))):
            if at >= hours * 3600 * RATE_HZ:
                return turns
            samples, _ = soundfile.read(
                decoded(EVALUATION / recording["path"], Path(folder) / f"{recording['id']}.flac"), dtype="int16"
            )
            file.write(samples)
            at_s = at / RATE_HZ
            own = read_rttm(EVALUATION / recording["rttm"])
            turns += [SpokenTurn(turn.start_s + at_s, turn.end_s + at_s, turn.speaker) for turn in own]
            at += len(samples)
    raise AssertionError("a cycle does not end")


async def live(runtime: Runtime, known: int, kill_after: int | None) -> Life:
    """Let a diarizer work until the turns are there or, beyond ``known`` stretches, it has told of enough more."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "diarizer", env={**os.environ, "POLYVOX_DATA_DIR": str(runtime.settings.data_dir)}
    )
    life = Life(time.monotonic())
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            life.took_s = time.monotonic() - life.began_s
            observe(process.pid, life)
            progress = await told(runtime.log, DiarizationProgressed)
            for event in progress[known + len(life.heard_s) :]:
                life.heard_s.append((life.took_s, event.data.heard_s))
            if await told(runtime.log, MediaDiarized):
                return life
            if kill_after is not None and len(life.heard_s) >= kill_after:
                return life
    finally:
        for each in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
            each.send_signal(signal.SIGKILL)
        await process.wait()


def observe(pid: int, life: Life) -> None:
    """Peak memory and processor time so far; both grow only."""
    cpu_s = 0.0
    for name, process in (("service", psutil.Process(pid)), *((c.name(), c) for c in psutil.Process(pid).children())):
        try:
            life.peak_bytes[name] = max(life.peak_bytes.get(name, 0), peak_bytes(process.pid))
            times = process.cpu_times()
        except (psutil.NoSuchProcess, FileNotFoundError):
            continue
        cpu_s += times.user + times.system
    life.cpu_s = max(life.cpu_s, cpu_s)


async def measure(hours: float, kill_after: int, folder: Path) -> None:
    place = folder / f"{MEDIA_ID}.flac"
    reference = await asyncio.to_thread(write, place, hours)
    duration_s = soundfile.info(place).duration
    settings = Settings(data_dir=folder / "data")
    async with bootstrap.runtime(settings, member="benchmark") as runtime:
        await announce(runtime, place, duration_s)
        lives = [await live(runtime, 0, kill_after)] if kill_after else []
        lives.append(await live(runtime, sum(len(life.heard_s) for life in lives), None))
        (done,) = await told(runtime.log, MediaDiarized)
        found = Diarization.model_validate_json(await runtime.store.get(done.data.diarization_key))
    report(lives, duration_s)
    turns = [SpokenTurn(turn.start_s, turn.end_s, turn.speaker) for turn in found.turns]
    scores = components(reference, turns, duration_s)
    row = {**scores, "audio_s": duration_s, "wall_s": 0.0, "cpu_s": 0.0, "peak_mib": 0.0}
    figures = summed([row])
    print(
        f"\nDER {figures['der']:.1f} %, with collar {figures['der_collar']:.1f} %; "
        f"{scores['found']} speakers of {scores['speakers']}"
    )


async def announce(runtime: Runtime, place: Path, duration_s: float) -> None:
    stored = await runtime.store.put(keys.audio(MEDIA_ID), place.read_bytes())
    ready = MediaReady(
        media_id=MEDIA_ID,
        duration_s=duration_s,
        tracks=[AudioTrack(key=keys.audio(MEDIA_ID), size_bytes=stored.size_bytes)],
        peaks_key=keys.peaks(MEDIA_ID),
        parts=[],
        source=SourceInfo(container="flac", codec="flac", sample_rate_hz=RATE_HZ, channels=1),
        options=Options(),
    )
    await Publisher(runtime.log, runtime.clock, "/benchmarks").publish(ready)


def report(lives: Sequence[Life], duration_s: float) -> None:
    print(f"{duration_s / 3600:.2f} hours\n")
    print("| life | s | of the recording, min | first told after, s | longest between, s | processor s | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    before_s = 0.0
    for number, life in enumerate(lives, 1):
        moments_s = [0.0, *(moment_s for moment_s, _ in life.heard_s)]
        longest_s = max((later - sooner for sooner, later in pairwise(moments_s[1:])), default=0.0)
        heard_s = life.heard_s[-1][1] if life.heard_s else before_s
        peaks = ", ".join(f"{name} {peak / 2**20:.0f}" for name, peak in life.peak_bytes.items())
        print(
            f"| {number} | {life.took_s:.0f} | {before_s / 60:.0f} to {heard_s / 60:.0f} "
            f"| {moments_s[1] if life.heard_s else life.took_s:.0f} | {longest_s:.0f} | {life.cpu_s:.0f} | {peaks} |",
            flush=True,
        )
        before_s = heard_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--kill-after", type=int, default=12, help="stretches of ten minutes")
    parser.add_argument("--folder", type=Path, help="an empty one, which keeps the recording and its data")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
        place = arguments.folder or Path(folder)
        place.mkdir(exist_ok=True)
        asyncio.run(measure(arguments.hours, arguments.kill_after, place))


if __name__ == "__main__":
    main()
