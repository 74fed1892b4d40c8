"""What the embedded log costs here: appends per second, latency between two processes, idle CPU.

python -m benchmarks.embedded_log [SECONDS_PER_FIGURE]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.ports import Message, TopicConfig

TOPIC = "bench"
VALUE_BYTES = 500
PACE_S = 0.05
"""Pause between the records whose latency is measured: most find the consumer parked."""


async def appends_per_s(log: EmbeddedLog, batch: int, seconds: float) -> float:
    """Records per second of one caller that waits for each call."""
    start_s, sent = time.perf_counter(), 0
    while time.perf_counter() - start_s < seconds:
        await log.append([Message(TOPIC, f"key-{sent + i}", bytes(VALUE_BYTES)) for i in range(batch)])
        sent += batch
    return sent / (time.perf_counter() - start_s)


async def consume(folder: Path, count: int) -> None:
    """The other process: prints one latency in milliseconds for each record, then its idle CPU share."""
    log = EmbeddedLog(folder)
    consumer = await log.subscribe("latency", [TOPIC], member="bench")
    while not consumer.assignment():
        await consumer.getmany(timeout_ms=10)
    for partition, (_, end) in (await log.bounds(TOPIC)).items():
        consumer.seek(partition, end)
    print("ready", flush=True)
    seen = 0
    while seen < count:
        batch = await consumer.getmany(timeout_ms=1000)
        now_s = time.time()
        for records in batch.values():
            for record in records:
                print((now_s - float(record.value)) * 1000, flush=True)
                seen += 1
    # A wait of no other use than to be long: what it costs is the figure.
    cpu_s, start_s = time.process_time(), time.perf_counter()
    while time.perf_counter() - start_s < 10:
        await consumer.getmany(timeout_ms=10_000)
    print((time.process_time() - cpu_s) / (time.perf_counter() - start_s) * 100, flush=True)
    await log.close()


async def measure(folder: Path, seconds: float) -> None:
    log = EmbeddedLog(folder)
    await log.ensure_topics([TopicConfig(TOPIC, 6)])
    for batch in (1, 100):
        print(f"appends, {batch:3} per call: {await appends_per_s(log, batch, seconds):10.0f} records/s")
    count = round(seconds / PACE_S)
    arguments = ("-m", "benchmarks.embedded_log", "consume", str(folder), str(count))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    for number in range(count):
        await log.append([Message(TOPIC, f"key-{number}", str(time.time()).encode())])
        await asyncio.sleep(PACE_S)
    await log.close()
    *latencies_ms, idle_percent = [float(line) async for line in process.stdout]
    await process.wait()
    cuts = statistics.quantiles(latencies_ms, n=100)
    print(f"latency between processes: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")
    print(f"idle consumer: {idle_percent:.2f} % of one core")


def main() -> None:
    if sys.argv[1:2] == ["consume"]:
        asyncio.run(consume(Path(sys.argv[2]), int(sys.argv[3])))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))


if __name__ == "__main__":
    main()
