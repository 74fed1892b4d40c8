"""senko on one recording after the other, by the Python of an environment with senko in it.

As a program: reads paths of 16 kHz mono WAV files, a line each; answers each with a line of JSON: turns, and what they
took. ``Senko`` is the other end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


class Senko:
    """Starts the program at the first call. ``python``: of that environment."""

    def __init__(self, python: Path) -> None:
        self._python = python
        self._process: asyncio.subprocess.Process | None = None

    async def call(self, _method: str, audio: str, _speakers: int | None, *, timeout_s: float) -> dict[str, Any]:
        """What benchmarks.diarization_engines.Measured.run gives; senko takes no number of speakers."""
        if self._process is None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                self._python, __file__, stdin=pipe, stdout=pipe, limit=1 << 24
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{audio}\n".encode())
        async with asyncio.timeout(timeout_s):
            answer = await self._process.stdout.readline()
        if not answer:
            code = await self._process.wait()
            raise SystemExit(f"senko ended by itself with {code} (-4: its feature extractor needs AVX-512)")
        found: dict[str, Any] = json.loads(answer)
        return found

    async def close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()


def run(diarizer: Any, audio: str) -> dict[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    found = diarizer.diarize(audio)
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    status = Path("/proc/self/status").read_text().splitlines()
    peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    segments = found["merged_segments"] if found else []
    turns = [(float(one["start"]), float(one["end"]), str(one["speaker"])) for one in segments]
    return {
        "turns": turns,
        "exclusive_turns": turns,
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "peak_mib": peak_kib / 1024,
    }


def main() -> None:
    from senko import Diarizer

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    diarizer = Diarizer(device="cpu", quiet=True)
    for line in sys.stdin:
        print(json.dumps(run(diarizer, line.strip())), file=answers, flush=True)


if __name__ == "__main__":
    main()
