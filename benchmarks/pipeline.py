"""What the pipeline itself costs, with engines that return at once: recordings a second, hops, memory, growth.

    python -m benchmarks.pipeline [--adapters embedded|servers] [--recordings 500] [--growth 10 100 1000]

Every process is the product's own but for the two engines (benchmarks/instant.py). ``servers`` starts Kafka, MinIO
and PostgreSQL on this machine, so all of it shares its cores. Recordings are six seconds of speech, uploaded over
HTTP by several connections at once; one is done when its media-completed is on the log.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from infra.native import Kafka, Minio, Postgres
from polyvox import bootstrap
from polyvox.cli.local_server import free_port, running
from polyvox.contracts import MediaCompleted, MediaFailed
from polyvox.metrics import QUEUE_AGE
from polyvox.ports import EventLog
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor
from tests.support.stack import INSTANT, server_settings, speech

CONNECTIONS = 16
AUDIO_S = 6.0


@dataclass(frozen=True)
class Product:
    """A running Polyvox, its log, and the processes it and its servers consist of."""

    http: httpx.AsyncClient
    log: EventLog
    supervisor: Supervisor
    servers: dict[str, list[int]]
    audio: bytes

    async def upload(self, count: int, *, rate_hz: float | None = None) -> None:
        """Upload so many recordings, as fast as it goes or at a steady rate."""
        waiting = iter(range(count))
        began_s = time.perf_counter()

        async def connection() -> None:
            for number in waiting:
                if rate_hz is not None:
                    await asyncio.sleep(max(began_s + number / rate_hz - time.perf_counter(), 0))
                answer = await self.http.post("/v1/media", params={"filename": f"{number}.flac"}, content=self.audio)
                answer.raise_for_status()

        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))

    async def ended(self) -> int:
        """How many ends are on the log."""
        bounds = [await self.log.bounds(topic) for topic in (MediaCompleted.TOPIC, MediaFailed.TOPIC)]
        return sum(end for topic in bounds for _, end in topic.values())

    async def until_ended(self, count: int, *, within_s: float = 1800) -> None:
        async with asyncio.timeout(within_s):
            while await self.ended() < count:  # noqa: ASYNC110 - what ends lies in other processes
                await asyncio.sleep(0.1)

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far by process and those it started; decoding processes count once they ended."""
        found = {}
        for name, pids in self.processes().items():
            spent = 0.0
            for pid in pids:
                with suppress(psutil.NoSuchProcess):
                    times = psutil.Process(pid).cpu_times()
                    spent += times.user + times.system + times.children_user + times.children_system
            found[name] = spent
        return found

    def memory_mib(self) -> dict[str, float]:
        """Resident memory by process."""
        return {
            name: sum(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20
            for name, pids in self.processes().items()
        }

    def processes(self) -> dict[str, list[int]]:
        roots = {**{name: [pid] for name, pid in self.supervisor.pids.items()}, **self.servers}
        return {name: family(pids) for name, pids in roots.items()}

    async def queue_ages(self) -> dict[str, list[tuple[float, float]]]:
        """By worker the cumulative histogram of polyvox_queue_age_seconds."""
        ages: dict[str, dict[float, float]] = {}
        text = (await self.http.get("/metrics")).text
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                if one.name == f"{QUEUE_AGE.name}_bucket":
                    buckets = ages.setdefault(one.labels["worker"], {})
                    bound = float(one.labels["le"])
                    buckets[bound] = buckets.get(bound, 0.0) + one.value
        return {worker: sorted(buckets.items()) for worker, buckets in ages.items()}


@asynccontextmanager
async def product(adapters: str) -> AsyncIterator[Product]:
    with tempfile.TemporaryDirectory(prefix="polyvox-bench-") as name:
        folder = Path(name)
        with servers(folder, adapters) as (settings, pids):
            supervisor = Supervisor(settings, processes=INSTANT, log_file=folder / "log.txt")
            limits = httpx.Limits(max_connections=CONNECTIONS)
            async with (
                running(settings, supervisor, asyncio.Event()) as url,
                httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as http,
                bootstrap.runtime(settings, member="bench") as runtime,
            ):
                yield Product(http, runtime.log, supervisor, pids, speech(folder / "speech.flac", AUDIO_S).read_bytes())


@contextmanager
def servers(folder: Path, adapters: str) -> Iterator[tuple[Settings, dict[str, list[int]]]]:
    """Settings, and the pids of the servers they name."""
    base = Settings(data_dir=folder / "data", port=free_port("127.0.0.1"), log_level="error")
    if adapters == "embedded":
        yield base, {}
        return
    with ExitStack() as stack:
        kafka = stack.enter_context(Kafka(folder / "kafka"))
        minio = stack.enter_context(Minio(folder / "minio"))
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        own = server_settings(kafka=kafka.bootstrap, store=minio, database=postgres.create_database("polyvox"))
        settings = Settings(**{**base.model_dump(), **own})
        pids = {"kafka": list(kafka.pids), "minio": [minio.pid], "postgres": [postgres.pid]}
        yield settings, pids


def family(pids: Sequence[int]) -> list[int]:
    """The processes and those below them."""
    return [*pids, *(child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True))]


async def throughput(product: Product, recordings: int) -> dict[str, float]:
    """Recordings a second from the first upload to the last completion, and what each cost."""
    before, cpu, began_s = await product.ended(), product.cpu_s(), time.perf_counter()
    await product.upload(recordings)
    uploaded_s = time.perf_counter() - began_s
    await product.until_ended(before + recordings)
    took_s = time.perf_counter() - began_s
    after = product.cpu_s()
    spent = {name: (after[name] - cpu.get(name, 0.0)) / recordings * 1000 for name in after}
    return {"per_s": recordings / took_s, "uploads_per_s": recordings / uploaded_s, **spent}


async def hops(product: Product, *, rate_hz: float, seconds: float) -> dict[str, tuple[float, float, float]]:
    """By worker: p50 and p99 of the age of messages in ms, and the share that is younger than 50 ms."""
    before = await product.queue_ages()
    ended = await product.ended()
    count = int(rate_hz * seconds)
    await product.upload(count, rate_hz=rate_hz)
    await product.until_ended(ended + count)
    found = {}
    for worker, buckets in (await product.queue_ages()).items():
        old = dict(before.get(worker, ()))
        news = [(bound, value - old.get(bound, 0.0)) for bound, value in buckets]
        if news[-1][1] > 0:
            under = next(value for bound, value in news if bound >= 0.05) / news[-1][1]
            found[worker] = (quantile(news, 0.5) * 1000, quantile(news, 0.99) * 1000, under)
    return found


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float:
    """As Prometheus estimates it: linear within the bucket."""
    wanted = buckets[-1][1] * share
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / max(count - below, 1e-9)
        low, below = bound, count
    return low


def print_costs(title: str, found: dict[str, float]) -> None:
    costs = {name: value for name, value in found.items() if not name.endswith("per_s")}
    each = ", ".join(f"{name} {value:.1f}" for name, value in costs.items())
    print(
        f"| {title} | {found['per_s']:.1f} | {found['uploads_per_s']:.1f} | {sum(costs.values()):.0f} | {each} |",
        flush=True,
    )


async def measure(adapters: str, recordings: int, growth: list[int], rate_hz: float, seconds: float) -> None:
    print(f"\n{adapters}, Python {platform.python_version()}, {os.cpu_count()} cores, {AUDIO_S:g} s recordings\n")
    async with product(adapters) as running_product:
        await throughput(running_product, 20)
        print("| recordings | a second | uploads a second | CPU ms each | of that |\n|---|---|---|---|---|")
        print_costs(str(recordings), await throughput(running_product, recordings))
        for count in growth:
            print_costs(f"growth: {count}", await throughput(running_product, count))
        print(f"\n| worker at {rate_hz:g} a second | p50 ms | p99 ms | younger than 50 ms |\n|---|---|---|---|")
        for worker, (p50, p99, under) in (await hops(running_product, rate_hz=rate_hz, seconds=seconds)).items():
            print(f"| {worker} | {p50:.1f} | {p99:.1f} | {under:.2%} |")
        print("\n| process | MiB |\n|---|---|")
        for name, mib in running_product.memory_mib().items():
            print(f"| {name} | {mib:.0f} |", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--adapters", choices=["embedded", "servers"], default="embedded")
    options.add_argument("--recordings", type=int, default=300)
    options.add_argument("--growth", type=int, nargs="*", default=[])
    options.add_argument("--rate", type=float, default=10.0)
    options.add_argument("--seconds", type=float, default=30.0)
    given = options.parse_args()
    asyncio.run(measure(given.adapters, given.recordings, given.growth, given.rate, given.seconds))


if __name__ == "__main__":
    main()
