"""A client that asks one HTTP server the same over many connections, and says how long each answer took: wrk where it
is installed, else one of our own.

It runs in a process of its own and does as little as possible with an answer, so that what it measures is the server.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from benchmarks import wrk

QUANTILES = (50, 95, 99)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it. ``refused``: answers with 400 or more; ``broken``: requests without an answer.

    ``quantiles_ms`` by per cent, ``bytes`` of all answers with their heads, ``cpu_s`` of the client.
    """

    count: int
    seconds: float
    bytes: int
    refused: int
    broken: int
    quantiles_ms: Mapping[int, float]
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.count / self.seconds


def ask(url: str, *, connections: int, seconds: float, headers: Sequence[str] = ()) -> Asked:
    """GET ``url`` over and over on so many connections; the next request follows the answer to the one before."""
    before_s = _children_cpu_s()
    if wrk.is_installed():
        found = wrk.run(url, connections=connections, seconds=seconds, headers=headers)
    else:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(_ask, (url, connections, seconds, tuple(headers)))
            pool.close()
            pool.join()
    quantiles_ms = {int(share): value for share, value in found.pop("quantiles_ms").items()}
    return Asked(**found, quantiles_ms=quantiles_ms, cpu_s=_children_cpu_s() - before_s)


def _children_cpu_s() -> float:
    """Of the children that ended; the client is the only one that does meanwhile."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ask(url: str, connections: int, seconds: float, headers: Sequence[str]) -> dict[str, Any]:
    return asyncio.run(_asking(url, connections, seconds, headers))


async def _asking(url: str, connections: int, seconds: float, headers: Sequence[str]) -> dict[str, Any]:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", *headers, "", ""]
    found = _Found("\r\n".join(lines).encode())
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: _Asker(found), parts.hostname or "", parts.port or 80)
    began_s = time.perf_counter()
    await asyncio.sleep(seconds)
    found.is_over = True
    lasted_s = time.perf_counter() - began_s
    took_s = sorted(found.took_s)
    at = {share: took_s[min(len(took_s) * share // 100, len(took_s) - 1)] * 1000 for share in QUANTILES if took_s}
    return {
        "count": len(took_s),
        "seconds": lasted_s,
        "bytes": found.bytes,
        "refused": found.refused,
        "broken": found.broken,
        "quantiles_ms": at,
    }


@dataclass(slots=True)
class _Found:
    request: bytes
    took_s: list[float] = field(default_factory=list)
    refused: int = 0
    broken: int = 0
    bytes: int = 0
    is_over: bool = False


class _Asker(asyncio.Protocol):
    def __init__(self, found: _Found) -> None:
        self._found = found
        self._head = b""
        self._left_bytes: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._found.broken += not self._found.is_over

    def data_received(self, data: bytes) -> None:
        if self._left_bytes is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._head[:end])
            self._found.refused += int(self._head[9:12]) >= 400
            size_bytes = int(length.group(1)) if length else 0
            self._found.bytes += end + 4 + size_bytes
            self._left_bytes = size_bytes - (len(self._head) - end - 4)
        else:
            self._left_bytes -= len(data)
        if self._left_bytes <= 0 and not self._found.is_over:
            self._found.took_s.append(time.perf_counter() - self._began_s)
            self._ask()

    def _ask(self) -> None:
        self._head, self._left_bytes = b"", None
        self._began_s = time.perf_counter()
        self._transport.write(self._found.request)
