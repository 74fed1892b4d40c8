"""What one recording costs on this machine: time stage by stage, and the peak memory of each process.

    python -m benchmarks.recording FILE…      (default: the 30 s sample inside pyannote.audio)

Each file goes through a whole Polyvox on embedded adapters, first cold (models not loaded yet), then again
several times; the medians of the warm runs are printed as a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import soundfile

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.cli.demo import sample
from polyvox.cli.local_server import free_port, running
from polyvox.client import AsyncClient
from polyvox.contracts import (
    MediaCompleted,
    MediaDiarized,
    MediaReady,
    MediaUploaded,
    PartTranscribed,
    decode,
)
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor

STAGES = (MediaUploaded, MediaReady, PartTranscribed, MediaDiarized, MediaCompleted)


async def measure(files: list[Path], repeats: int, cut_s: float | None) -> None:
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as folder:
        if cut_s is not None:
            files = [cut(file, cut_s, Path(folder)) for file in files]
        settings = Settings(data_dir=Path(folder), port=free_port("127.0.0.1"), log_level="error")
        supervisor = Supervisor(settings)
        async with running(settings, supervisor, asyncio.Event()) as url, AsyncClient(url) as client:
            for file in files:
                runs = [await once(client, settings, file) for _ in range(repeats + 1)]
                report(file, runs[0], runs[1:])
            print_memory(supervisor.pids)


def cut(file: Path, seconds: float, folder: Path) -> Path:
    """The first ``seconds`` of ``file`` as FLAC."""
    rate = soundfile.info(file).samplerate
    samples, rate = soundfile.read(file, frames=int(seconds * rate))
    place = folder / f"{file.stem}-{seconds:g}s.flac"
    soundfile.write(place, samples, rate)
    return place


async def once(client: AsyncClient, settings: Settings, file: Path) -> dict[str, float]:
    """Seconds from the start of the upload to each event, and in all."""
    wall_s, began_s = time.time(), time.monotonic()
    media_id = await client.upload(file)
    accepted_s = time.monotonic() - began_s
    state = await client.wait(media_id, timeout_s=3600)
    assert state.status == "completed", state.document
    seen = {"accepted": accepted_s, "result visible": time.monotonic() - began_s}
    log = EmbeddedLog(settings.log_path)
    try:
        for fact in STAGES:
            for partition, (first, end) in (await log.bounds(fact.TOPIC)).items():
                for record in await log.read(partition, offset=first, max_records=max(end - first, 1)):
                    envelope = decode(record.value)
                    if envelope.subject == media_id:
                        at_s = envelope.time.timestamp() - wall_s
                        seen[fact.TOPIC] = max(seen.get(fact.TOPIC, 0.0), at_s)
    finally:
        await log.close()
    transcript = await client.transcript(media_id)
    seen["audio"] = transcript.duration
    return seen


def report(file: Path, cold: Mapping[str, float], warm: list[dict[str, float]]) -> None:
    middle = {name: statistics.median(run[name] for run in warm) for name in cold}
    print(f"\n{file.name}: {cold['audio']:.1f} s of audio, median of {len(warm)} warm runs\n")
    print("| step | cold, s | warm, s |\n|---|---|---|")
    rows = {
        "upload acknowledged": ("accepted", None),
        "decoded (media-ready)": (MediaReady.TOPIC, "accepted"),
        "words (last part-transcribed)": (PartTranscribed.TOPIC, MediaReady.TOPIC),
        "speakers (media-diarized)": (MediaDiarized.TOPIC, MediaReady.TOPIC),
        "merged and published (media-completed)": (MediaCompleted.TOPIC, None),
        "upload to visible result": ("result visible", None),
    }
    for name, (end, start) in rows.items():
        if name.startswith("merged"):
            spans = [run[end] - max(run[PartTranscribed.TOPIC], run[MediaDiarized.TOPIC]) for run in (cold, middle)]
        else:
            spans = [run[end] - (run[start] if start else 0.0) for run in (cold, middle)]
        print(f"| {name} | {spans[0]:.2f} | {spans[1]:.2f} |")
    speeds = [run["audio"] / run["result visible"] for run in (cold, middle)]
    print(f"| times real time | {speeds[0]:.1f} | {speeds[1]:.1f} |")


def print_memory(pids: Mapping[str, int]) -> None:
    """Peak resident memory since each process started (VmHWM)."""
    print("\n| process | peak memory, MiB |\n|---|---|")
    for name, pid in pids.items():
        print(f"| {name} | {peak_bytes(pid) / 2**20:.0f} |")
        for child in psutil.Process(pid).children(recursive=True):
            print(f"| {name}, its model | {peak_bytes(child.pid) / 2**20:.0f} |")


def peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cut-s", type=float, help="use only the first seconds of each file")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.files or [sample()], arguments.repeats, arguments.cut_s))


if __name__ == "__main__":
    main()
