"""What tracing costs the pipeline: two products side by side, one with it and one without, driven in turns.

    python -m benchmarks.tracing [--rounds 10] [--recordings 60] [--otlp]
    python -m benchmarks.tracing --alone [--otlp]

The pipeline is that of benchmarks/pipeline.py, with engines that return at once: what is left is all overhead. Each
round drives both, the first of the one before last; medians of the rounds are compared, by CPU time, which other
work on the machine disturbs least, and by throughput. ``--otlp`` also sends every span to a collector, which is a
process of its own here and does not count. ``--alone`` measures by itself what is done for each piece of work, of which
there are seven to a recording of one part: smaller than what a busy machine lets the pipeline tell.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from multiprocessing.connection import Connection

from benchmarks.pipeline import Product, product, throughput
from polyvox import tracing
from polyvox.adapters.otlp import OtlpSpans
from polyvox.clock import SystemClock
from tests.support.otlp import collecting

VARIABLES = ("POLYVOX_TRACING", "POLYVOX_OTLP_ENDPOINT")


@contextmanager
def settings(**given: str) -> Iterator[None]:
    """Environment variables, as long as it takes to start a product."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def collector() -> Iterator[str]:
    """The address of a collector in a process of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_collect, args=(theirs,), daemon=True)
    process.start()
    try:
        yield str(ours.recv())
        ours.send("stop")
        print(f"\nspans that came to the collector: {ours.recv()}")
    finally:
        process.terminate()
        process.join()


def _collect(connection: Connection) -> None:
    with collecting() as found:
        connection.send(found.endpoint)
        connection.recv()
        connection.send(len(found.spans))


async def measure(rounds: int, recordings: int, endpoint: str | None) -> None:
    found: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    async with AsyncExitStack() as running:
        products: dict[str, Product] = {}
        with settings(POLYVOX_TRACING="false"):
            products["without"] = await running.enter_async_context(product("embedded"))
        with settings(POLYVOX_TRACING="true", **({"POLYVOX_OTLP_ENDPOINT": endpoint} if endpoint else {})):
            products["with"] = await running.enter_async_context(product("embedded"))
        for one in products.values():
            await throughput(one, 20)
        for number in range(rounds):
            for name in list(products) if number % 2 else list(reversed(products)):
                found[name].append(await throughput(products[name], recordings))
                print(".", end="", flush=True)
    report(found, recordings)


def report(found: dict[str, list[dict[str, float]]], recordings: int) -> None:
    rounds = len(found["with"])
    print(
        f"\n\nPython {platform.python_version()}, {os.cpu_count()} cores, {rounds} rounds of {recordings} recordings\n"
    )
    print("| median | without | with | ratio | median of the rounds' ratios |\n|---|---|---|---|---|")
    for title, value in (("CPU, ms a recording", cpu_ms), ("recordings a second", per_s)):
        without, with_ = ([value(one) for one in found[name]] for name in ("without", "with"))
        each = [b / a for a, b in zip(without, with_, strict=True)]
        ratio = statistics.median(with_) / statistics.median(without)
        print(
            f"| {title} | {statistics.median(without):.1f} | {statistics.median(with_):.1f} | {ratio:.3f} "
            f"| {statistics.median(each):.3f} (quartiles {quartiles(each)}) |"
        )


def alone(endpoint: str | None, pieces: int = 4000) -> None:
    """CPU time for one piece of work with three steps and its note: without tracing, with it, and exported."""
    tracing.use(None, is_on=False)
    print(f"tracing off: {each_us(pieces):.0f} us for each piece of work")
    tracing.use(None)
    print(f"tracing on: {each_us(pieces):.0f} us")
    if endpoint is not None:
        spans = OtlpSpans(endpoint, member="one", headers={})
        tracing.use(spans)
        began_s = time.process_time()
        each_us(pieces)
        asyncio.run(spans.close())
        print(f"exported: {(time.process_time() - began_s) / pieces * 1e6:.0f} us")


def each_us(pieces: int) -> float:
    clock, parent = SystemClock(), tracing.new()
    began_s = time.process_time()
    for number in range(pieces):
        with tracing.doing("transcriber", clock, parent=parent, media_id="x", member="one", queued_us=1) as work:
            for name in ("fetch", "transcriber", "store"):
                with tracing.step(name):
                    pass
            if tracing.is_on():
                tracing.note_of(work)
        if number % 100 == 0:
            # As in a service, there is time to send.
            time.sleep(0.02)
    return (time.process_time() - began_s) / pieces * 1e6


def cpu_ms(one: dict[str, float]) -> float:
    return sum(value for name, value in one.items() if not name.endswith("per_s"))


def per_s(one: dict[str, float]) -> float:
    return one["per_s"]


def quartiles(values: list[float]) -> str:
    low, _, high = statistics.quantiles(values, n=4)
    return f"{low:.3f} to {high:.3f}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--recordings", type=int, default=60)
    options.add_argument("--otlp", action="store_true")
    options.add_argument("--alone", action="store_true")
    given = options.parse_args()
    with collector() if given.otlp else nullcontext() as endpoint:
        if given.alone:
            alone(endpoint)
            return
        asyncio.run(measure(given.rounds, given.recordings, endpoint))


if __name__ == "__main__":
    main()
