"""How long telling voices apart takes when there are hours of them, and in how much memory.

    python -m benchmarks.diarization_hours [--hours 1 2 4 8]

The voices are made up, as many of them as the diarizer hears in so much audio; each length has a process of
its own. Listening is not part of it: that is done in stretches of ten minutes, whatever the length.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path


def measure(hours: float, people: int) -> None:
    from diarizer.engines.base import DiarizeOptions
    from diarizer.engines.telling import tell
    from tests.support.conversations import conversation

    heard = conversation(hours, people)
    Path("/proc/self/clear_refs").write_text("5")
    before_mib = resident_mib("VmRSS:")
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    told = tell(heard, DiarizeOptions())
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    voices = int(heard.active.any(axis=1).sum())
    grown_mib = resident_mib("VmHWM:") - before_mib
    print(
        f"| {hours:g} | {voices:,} | {people} | {len(told.embeddings)} | {wall_s:.1f} | {cpu_s:.1f} | {grown_mib:.0f} |"
    )


def resident_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", nargs="*", type=float, default=[1.0, 2.0, 4.0, 8.0])
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--one", action="store_true", help="in this process, without the heading")
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.hours[0], arguments.people)
        return
    print(
        "| hours | voices heard | people | found | s | processor s | MiB more |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    for hours in arguments.hours:
        again = [sys.executable, "-m", "benchmarks.diarization_hours", "--one", "--hours", str(hours)]
        subprocess.run([*again, "--people", str(arguments.people)], check=True)


if __name__ == "__main__":
    main()
