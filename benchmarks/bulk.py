"""How fast objects that are dropped into a bucket become recordings: `python -m benchmarks.bulk [OBJECTS]`.

On real MinIO and Kafka, which it starts on this machine, with a watcher process as in production: first with
a notification for each object, then with none, so that the sweep has to find them; then how long a sweep
takes that finds nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from infra.native import Kafka
from tests.support.bulk import Bulk, bulk

DEADLINE_S = 900.0


async def main(objects: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Kafka(Path(folder) / "kafka") as kafka:
        async with bulk(Path(folder) / "told", kafka) as here:
            here.listen(on=True)
            began_s = time.monotonic()
            await asyncio.to_thread(here.drop, range(objects), threads=8)
            _say("dropped by boto3", objects, time.monotonic() - began_s)
            await _until(here.notified_count, objects)
            await _measure("taken in from notifications", here, objects)
        async with bulk(Path(folder) / "untold", kafka, sweep_every_s=1.0, sweep_at_most_s=1.0) as here:
            await asyncio.to_thread(here.drop, range(objects), threads=8)
            await _measure("taken in by a sweep", here, objects)
            await _idle_sweeps(here)


async def _measure(what: str, here: Bulk, objects: int) -> None:
    """From the first event to the last, so that the start of the process is left out."""
    with here.watcher() as process:
        await _until(here.announced_count, 1)
        began_s, first = time.monotonic(), await here.announced_count()
        cpu_s = _cpu_s(process.pid)
        await _until(here.announced_count, objects)
        took_s = time.monotonic() - began_s
        used_s = _cpu_s(process.pid) - cpu_s
        _say(what, objects - first, took_s)
        print(f"{'':32} {used_s / (objects - first) * 1000:8.2f} ms of the watcher's processor time each")
        print(f"{'':32} {psutil.Process(process.pid).memory_info().rss / 2**20:8.0f} MiB of memory")
    announced = await here.announced()
    assert len(announced) == objects, f"{len(announced)} recordings"
    assert set(announced.values()) == {1}, "some were announced twice"


async def _idle_sweeps(here: Bulk) -> None:
    with here.watcher():
        await asyncio.sleep(15)
    lines = [line for line in here.log_file.read_text().splitlines() if "the sweep of" in line]
    print("\n".join(lines[-2:]))


async def _until(count: Callable[[], Awaitable[int]], wanted: int) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while await count() < wanted:
        assert time.monotonic() < give_up_s, f"{await count()} of {wanted}"
        await asyncio.sleep(0.05)


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _say(what: str, objects: int, took_s: float) -> None:
    print(f"{what:32} {objects / took_s:8.0f} objects/s ({objects} in {took_s:.1f} s)", flush=True)


if __name__ == "__main__":
    print(f"load at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000))
