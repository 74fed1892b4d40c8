"""Connections whose clients cannot hold them by sending little: slow headers, bodies that stop, headers without end."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from polyvox.http.problems import Problem

HEADERS_S = 20.0
"""How long the headers of a request may take, from its first byte, or from the start of the connection."""
BODY_EVERY_S = 75.0
"""How long a body may bring less than BODY_BYTES. Longer than what uploads wait for, which say why they end."""
BODY_BYTES = 1024
KEEP_ALIVE_S = 75
"""How long a connection is kept for another request: longer than clients and gateways keep theirs, so that they close
first and send no request into a connection that is just being closed."""
HEADERS_MAX_BYTES = HIGH_WATER_LIMIT
_LOOK_S = 5.0
_NOT_HTTP = Problem(400, "bad-http", "This is not HTTP", "The bytes that came are no request of HTTP/1.1; send one.")
_TOO_LARGE = Problem(
    431,
    "headers-too-large",
    "The headers are too large",
    f"A request's line and headers may have {HEADERS_MAX_BYTES} bytes; put less into the URL and the headers.",
)


class Connection(HttpToolsProtocol):
    """One connection of uvicorn's, closed when its client keeps it waiting."""

    headers_s = HEADERS_S
    body_every_s = BODY_EVERY_S
    look_s = _LOOK_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._due_at: float | None = None
        self._in_body = False
        self._came_bytes = 0
        self._looking: asyncio.TimerHandle | None = None
        self._is_broken = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._due_at = None
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_broken:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Called for what is no HTTP. What the client asked before it is answered in full, and is the last."""
        self._is_broken = True
        self._due_at = None
        asked = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        if asked:
            self.cycle.keep_alive = False
            return
        answer = _NOT_HTTP if self._came_bytes <= HEADERS_MAX_BYTES else _TOO_LARGE
        self.transport.write(_written(answer))
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._came_bytes = 0
        self._expect_headers()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count_header(len(name) + len(value))

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_body = True
        self._expect_body()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._came_bytes += len(body)
        if self._came_bytes >= BODY_BYTES:
            self._expect_body()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False
        self._due_at = None

    def _count_header(self, size_bytes: int) -> None:
        self._came_bytes += size_bytes
        if self._came_bytes > HEADERS_MAX_BYTES:
            raise ValueError("the headers of a request are too large")

    def _expect_headers(self) -> None:
        self._in_body = False
        self._expect(self.headers_s)

    def _expect_body(self) -> None:
        self._came_bytes = 0
        self._expect(self.body_every_s)

    def _expect(self, within_s: float) -> None:
        self._due_at = self.loop.time() + within_s
        if self._looking is None:
            self._looking = self.loop.call_later(self.look_s, self._look)

    def _look(self) -> None:
        # Looks now and then instead of setting a timer at every piece that comes.
        self._looking = None
        if self._due_at is None or self.transport.is_closing():
            return
        if self._in_body and (self.flow.read_paused or self.cycle.body):
            # It is us who do not take what there is.
            self._due_at = self.loop.time() + self.body_every_s
        elif self.loop.time() >= self._due_at:
            self.transport.close()
            return
        self._looking = self.loop.call_later(self.look_s, self._look)


def _written(problem: Problem) -> bytes:
    answer = problem.response()
    head = [f"HTTP/1.1 {problem.status} \r\n".encode(), *(b"%s: %s\r\n" % header for header in answer.raw_headers)]
    return b"".join((*head, b"connection: close\r\n\r\n", bytes(answer.body)))
