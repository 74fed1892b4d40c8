"""A real HTTP server in the test's own event loop, on a free port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from polyvox.http.connections import KEEP_ALIVE_S, Connection


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: FastAPI, *, port: int = 0, connections: type[asyncio.Protocol] = Connection) -> AsyncIterator[str]:
    """Run ``app`` with uvicorn on 127.0.0.1, by default on a free port; gives the base URL."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=connections,
            timeout_keep_alive=KEEP_ALIVE_S,
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=2,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(60):
                while not server.started:
                    if task.done():
                        await task
                    await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await task


class RawConnection:
    """A client that can break every rule of HTTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, base_url: str) -> AsyncIterator[RawConnection]:
        host, port = base_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def send_head(self, method: str, target: str, **headers: str) -> None:
        """Header names with underscores for hyphens."""
        lines = [f"{method} {target} HTTP/1.1", "Host: test"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    def half_close(self) -> None:
        self._writer.write_eof()

    def abort(self) -> None:
        """Close with a reset, as a machine does that vanishes."""
        self._writer.transport.abort()

    async def closed(self, *, within_s: float) -> bool:
        """Whether the server closes the connection in that time, without an answer."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(within_s):
                return not await self._reader.read()
        return True

    async def response(self, *, timeout_s: float = 60.0) -> tuple[int, str]:
        """Status and everything after the status line, up to where the body ends."""
        async with asyncio.timeout(timeout_s):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status = int(head.split(" ", 2)[1])
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
            return status, head + body.decode()
