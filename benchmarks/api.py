"""What the front door bears: reading over 1, 16 and 64 connections, 500 watchers beside uploads, clients that dawdle.

    python -m benchmarks.api [--seconds 10] [--recordings 200]

A whole Polyvox on embedded adapters with engines that return at once, one process for all HTTP, and the client in
another (benchmarks/asking.py; wrk where it is installed), so both share this machine's cores. Read are: a finished
transcript of ten minutes as JSON, the same by a client that has it already, as subtitles, a recording's status, the
list of recordings, a search.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import httpx_sse
import numpy as np
import psutil
import soundfile

from benchmarks import wrk
from benchmarks.asking import QUANTILES, ask
from benchmarks.instant import TALK_FOR
from benchmarks.pipeline import Product, product
from polyvox.cli.demo import sample
from polyvox.client import AsyncClient
from polyvox.contracts import Options

HEAD = """
| GET | connections | requests a second | p50 ms | p95 ms | p99 ms | CPU ms each: front | client | KiB each |
|---|---|---|---|---|---|---|---|---|"""
CONNECTIONS = (1, 16, 64)
TALK_S = 598
WATCHERS, UPLOADS = 500, 50
DAWDLERS, DAWDLE_S = 200, 90.0


async def ten_minutes(client: AsyncClient) -> str:
    """The id of a finished recording of ten minutes, full of words."""
    samples, rate = soundfile.read(sample(), dtype="int16")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ten-minutes.flac"
        soundfile.write(path, np.resize(samples, TALK_S * rate), rate)
        media_id = await client.upload(path, Options(prompt=f"{TALK_FOR}{TALK_S}"))
    await client.wait(media_id, timeout_s=300)
    return media_id


async def reading(running: Product, media_id: str, seconds: float) -> None:
    base = str(running.http.base_url).rstrip("/")
    transcript = f"{base}/v1/media/{media_id}/transcript"
    etag = (await running.http.get(transcript)).headers["etag"]
    questions: dict[str, tuple[str, list[str]]] = {
        "transcript, JSON": (transcript, []),
        "transcript, not modified": (transcript, [f"If-None-Match: {etag}"]),
        "transcript, SRT": (f"{transcript}?format=srt", []),
        "status": (f"{base}/v1/media/{media_id}", []),
        "list of 50": (f"{base}/v1/media", []),
        "search": (f"{base}/v1/search?q=costs", []),
    }
    print(HEAD)
    for title, (url, headers) in questions.items():
        for connections in CONNECTIONS:
            await ask_and_print(running, title, url, connections=connections, seconds=seconds, headers=headers)


async def ask_and_print(
    running: Product, title: str, url: str, *, connections: int, seconds: float, headers: Sequence[str] = ()
) -> None:
    before_s = running.cpu_s()["front"]
    asked = await asyncio.to_thread(ask, url, connections=connections, seconds=seconds, headers=headers)
    each_ms = (running.cpu_s()["front"] - before_s) / max(asked.count, 1) * 1000
    times = " | ".join(f"{asked.quantiles_ms.get(share, 0.0):.1f}" for share in QUANTILES)
    costs = f"{each_ms:.2f} | {asked.cpu_s / max(asked.count, 1) * 1000:.2f}"
    size_kib = asked.bytes / max(asked.count, 1) / 1024
    wrong = f" {asked.refused} refused, {asked.broken} broken" if asked.refused or asked.broken else ""
    print(f"| {title} | {connections} | {asked.per_s:.0f} | {times} | {costs} | {size_kib:.0f} |{wrong}", flush=True)


async def watching(running: Product) -> None:
    """Many watchers of recordings that are on their way: when each learns of the end, and what the front then holds."""
    front = psutil.Process(running.supervisor.pids["front"])
    before_mib = front.memory_info().rss / 2**20
    ended_at: dict[str, float] = {}
    delays_s: list[float] = []
    limits = httpx.Limits(max_connections=WATCHERS + 10)
    async with httpx.AsyncClient(base_url=running.http.base_url, timeout=300, limits=limits) as http:
        media_ids = []
        for number in range(UPLOADS):
            answer = await http.post("/v1/media", params={"filename": f"{number}.flac"}, content=running.audio)
            media_ids.append(answer.json()["media_id"])

        async def watch(media_id: str) -> None:
            async with httpx_sse.aconnect_sse(http, "GET", f"/v1/media/{media_id}/events") as source:
                opened_s = time.perf_counter()
                async for event in source.aiter_sse():
                    if event.event == "completed":
                        now_s = time.perf_counter()
                        delays_s.append(now_s - max(ended_at.setdefault(media_id, now_s), opened_s))

        began_s = time.perf_counter()
        await asyncio.gather(*(watch(media_ids[number % UPLOADS]) for number in range(WATCHERS)))
        took_s = time.perf_counter() - began_s
    delays_s.sort()
    print(
        f"\n{WATCHERS} streams of {UPLOADS} recordings: all ended after {took_s:.1f} s; a recording's last watcher "
        f"learned of its end {delays_s[-1] * 1000:.0f} ms after the first, or after it came; the front grew from "
        f"{before_mib:.0f} to {front.memory_info().rss / 2**20:.0f} MiB"
    )


async def dawdling(running: Product, media_id: str, seconds: float) -> None:
    """Clients that send a byte of a header now and then, or half an upload: how long they are let, and who suffers."""
    base = running.http.base_url
    front = psutil.Process(running.supervisor.pids["front"])
    held_s: dict[str, list[float]] = {"header": [], "upload": []}

    async def dawdle(number: int) -> None:
        reader, writer = await asyncio.open_connection(base.host, base.port)
        began_s = time.perf_counter()
        half = b"POST /v1/media?filename=half.flac HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n\r\n"
        writer.write(half + running.audio[:1000] if number % 2 else b"GET /v1/media HTTP/1.1\r\nX-Slow: ")
        while not reader.at_eof() and time.perf_counter() - began_s < 2 * DAWDLE_S:
            try:
                async with asyncio.timeout(1.0):
                    await reader.read(65536)
            except TimeoutError:
                if not number % 2:
                    writer.write(b"a")
            except ConnectionError:
                break
        held_s["upload" if number % 2 else "header"].append(time.perf_counter() - began_s)
        writer.close()

    dawdlers = [asyncio.create_task(dawdle(number)) for number in range(DAWDLERS)]
    await asyncio.sleep(2)
    url = f"{str(base).rstrip('/')}/v1/media/{media_id}/transcript"
    print(HEAD)
    title = f"transcript, JSON, beside {DAWDLERS} that dawdle"
    await ask_and_print(running, title, url, connections=16, seconds=seconds)
    held = front.num_fds()
    await asyncio.gather(*dawdlers)
    for what, seconds_held in held_s.items():
        shortest_s, longest_s = min(seconds_held), max(seconds_held)
        print(f"\n{len(seconds_held)} with half a {what} were let go after {shortest_s:.0f} to {longest_s:.0f} s")
    print(f"\nDescriptors of the front: {held} meanwhile, {front.num_fds()} afterwards")


async def measure(seconds: float, recordings: int) -> None:
    load = os.getloadavg()[0]
    asks = "wrk" if wrk.is_installed() else "a client in Python"
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the start"
    print(f"\nembedded, {asks}, {machine}")
    async with product("embedded") as running, AsyncClient(str(running.http.base_url)) as client:
        media_id = await ten_minutes(client)
        await running.upload(recordings)
        await running.until_ended(recordings + 1)
        await reading(running, media_id, seconds)
        await watching(running)
        await dawdling(running, media_id, seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--recordings", type=int, default=200)
    given = options.parse_args()
    asyncio.run(measure(given.seconds, given.recordings))


if __name__ == "__main__":
    main()
