"""A client that asks one HTTP server the same over many connections, and says how long each answer took.

It runs in a process of its own and does as little as possible with an answer, so that what it measures is the server.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it. ``took_s`` is sorted."""

    took_s: list[float]
    seconds: float
    statuses: dict[int, int]
    size_bytes: int

    @property
    def per_s(self) -> float:
        return len(self.took_s) / self.seconds

    def quantile_ms(self, share: float) -> float:
        return self.took_s[min(int(len(self.took_s) * share), len(self.took_s) - 1)] * 1000 if self.took_s else 0.0


def ask(url: str, *, connections: int, seconds: float, headers: Sequence[str] = ()) -> Asked:
    """GET ``url`` over and over on so many connections; the next request follows the answer to the one before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_ask, (url, connections, seconds, tuple(headers)))


def _ask(url: str, connections: int, seconds: float, headers: Sequence[str]) -> Asked:
    return asyncio.run(_asking(url, connections, seconds, headers))


async def _asking(url: str, connections: int, seconds: float, headers: Sequence[str]) -> Asked:
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
    return Asked(sorted(found.took_s), lasted_s, dict(found.statuses), found.size_bytes)


@dataclass(slots=True)
class _Found:
    request: bytes
    took_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    size_bytes: int = 0
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

    def data_received(self, data: bytes) -> None:
        if self._left_bytes is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._head[:end])
            status = int(self._head[9:12])
            self._found.statuses[status] += 1
            size_bytes = int(length.group(1)) if length else 0
            self._found.size_bytes = max(self._found.size_bytes, size_bytes)
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
