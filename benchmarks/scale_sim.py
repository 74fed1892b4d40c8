"""A cluster of 1,000 GPU workers in simulated time, around the code that chooses, shares, admits and retries.

python -m benchmarks.scale_sim [--share 0.1] [--hours 2] [--seed 1] [--calm]

``--share`` 1 is the whole cluster: 10 million recordings a day. Two busy hours pass, with one tenant that floods,
a tenth of the workers lost at once and, later, as many new ones, and the broker gone for a minute.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.scale import report
from benchmarks.scale.cluster import Cluster, Flooder, Size
from benchmarks.scale.load import DAY_S, PEAK, RECORDINGS_PER_DAY, Load
from benchmarks.scale.workers import World

FLOOD_RECORDINGS = 400_000
FLOOD_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Times:
    """When what happens, in minutes; for two hours, and stretched with them."""

    flood: float = 20.0
    loss: float = 50.0
    replaced: float = 65.0
    outage: float = 90.0
    outage_for: float = 1.0


def run(size: Size, *, hours: float, seed: int, calm: bool) -> Cluster:
    """The cluster after that many simulated hours."""
    world = World(seed)
    cluster = Cluster(world, size, Load(random.Random(seed + 1)))
    rate = RECORDINGS_PER_DAY / DAY_S * PEAK * size.share
    arrivals = random.Random(seed + 2)

    def arrive() -> None:
        cluster.upload(cluster.load.upload())
        world.after(arrivals.expovariate(rate), arrive)

    world.after(1.0, arrive)
    if not calm:
        disturb(cluster, hours / 2.0)
    for minute in range(1, int(hours * 60) + 1):
        world.env.run(until=minute * 60)
        if minute % 10 == 0:
            print(report.line(cluster, minute), file=sys.stderr, flush=True)
    return cluster


def disturb(cluster: Cluster, stretch: float) -> None:
    """All that goes wrong."""
    world, size, times = cluster.world, cluster.size, Times()

    def at(minutes: float, call: Callable[[], None]) -> None:
        world.after(minutes * 60.0 * stretch, call)

    def flood() -> None:
        Flooder(cluster, size.scaled(FLOOD_RECORDINGS), size.scaled(FLOOD_CONNECTIONS))

    at(times.flood, flood)
    for group, count in ((cluster.transcribers, size.transcribers), (cluster.diarizers, size.diarizers)):
        tenth = size.scaled(count // 10)
        at(times.loss, partial(group.kill, tenth))
        at(times.replaced, partial(group.start, tenth))

    def away() -> None:
        world.broker_up = False
        world.after(times.outage_for * 60.0, back)

    def back() -> None:
        world.broker_up = True
        for group in (cluster.transcribers, cluster.diarizers):
            for worker in group.workers.values():
                for partition in list(worker.partitions.values()):
                    worker.pull(partition)

    at(times.outage, away)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calm", action="store_true", help="nothing goes wrong")
    given = parser.parse_args()
    # Millions of objects live long here, and next to none in cycles.
    gc.set_threshold(1_000_000, 100, 100)
    began_s = time.perf_counter()
    cluster = run(Size(share=given.share), hours=given.hours, seed=given.seed, calm=given.calm)
    took_s = time.perf_counter() - began_s
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(report.page(cluster, hours=given.hours, took_s=took_s, peak_mib=peak_mib))


if __name__ == "__main__":
    main()
