"""Puts faults into a whole product on real servers, and prints what became of the recordings.

    python -m tests.chaos.faults [--recordings 60] [--only NAME…] [--store minio|seaweedfs] [--seed 1]

Three Kafka nodes, an object store, PostgreSQL and a fault proxy are started on this machine, and one product whose
engines return at once. The exit status is 1 when a recording was lost, doubled or refused, 2 when time ran out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from infra.native import Kafka, Toxiproxy
from tests.chaos.faults import catalogue
from tests.chaos.faults.rounds import Rounds, Row
from tests.chaos.faults.world import Pace, World, world
from tests.support.disk import Disk, can_mount
from tests.support.real_servers import PATIENT


async def play(here: World, options: argparse.Namespace) -> list[Row]:
    """Every chosen fault that this machine can have; the rows as they come are printed."""
    rounds = Rounds(here, seed=options.seed)
    rows: list[Row] = []
    print(f"{Row.HEAD}\n|{'---|' * 9}", flush=True)
    for fault in [catalogue.BY_NAME[name] for name in options.only] or catalogue.ALL:
        if fault.disk is not None and fault.disk not in here.disks:
            print(f"{fault.name} is left out: to mount disks needs the rights of root", file=sys.stderr)
            continue
        row = await rounds.play(fault, options.recordings)
        rows.append(row)
        print(row, flush=True)
        for trouble in (*row.troubles(), *row.letters, *row.verdict.reasons):
            print(f"  {fault.name}: {trouble}", file=sys.stderr, flush=True)
    final = await rounds.judged(rounds.sent)
    print(
        f"| all, looked at again | {final.recordings} | {final.acknowledged} | {final.completed} | {final.failed} "
        f"| {len(rounds.ends.letters)} | {len(final.lost)} | {len(final.doubled)} | |"
    )
    return rows


async def run(folder: Path, options: argparse.Namespace) -> bool:
    with ExitStack() as stack:
        broker = {}
        if can_mount(folder / "probe"):
            broker["broker"] = stack.enter_context(Disk(folder / "kafka" / "node-3"))
        toxiproxy = stack.enter_context(Toxiproxy(folder / "toxiproxy"))
        kafka = stack.enter_context(Kafka(folder / "kafka", nodes=3, settings=PATIENT, toxiproxy=toxiproxy))
        async with world(folder / "world", kafka, toxiproxy, store=options.store, pace=Pace()) as here:
            here.disks |= broker
            rows = await play(here, options)
    return all(row.verdict.kept for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=60, help="for each fault")
    parser.add_argument("--only", nargs="+", choices=list(catalogue.BY_NAME), default=[], metavar="NAME")
    parser.add_argument("--store", choices=["minio", "seaweedfs"], default="minio")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=90.0, help="after which it is given up")
    parser.add_argument("--list", action="store_true", help="say which faults there are")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{fault.name:18} {fault.meaning}" for fault in catalogue.ALL))
        return 0
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}, {options.store}, seed {options.seed}\n", flush=True)
    # As Ctrl-C: servers end and disks are unmounted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="polyvox-faults-"))
    began_s = time.monotonic()
    try:
        kept = asyncio.run(asyncio.wait_for(run(folder, options), options.minutes * 60))
    except TimeoutError:
        print(f"not through after {options.minutes:g} minutes; the logs are in {folder}", file=sys.stderr)
        return 2
    print(f"\n{(time.monotonic() - began_s) / 60:.0f} minutes")
    if not kept:
        print(f"the logs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
