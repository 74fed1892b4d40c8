"""The server that takes connections its own way: it answers, and it stops when it is told to."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
import uvicorn

from polyvox.http.connections import Connection
from polyvox.http.server import Server


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def server_at(port: int) -> Server:
    return Server(uvicorn.Config(app, host="127.0.0.1", port=port, http=Connection, log_config=None, ws="none"))


async def test_it_answers_until_it_is_stopped_and_says_when_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            await server_at(port).serve()
    server = server_at(port)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10), httpx.AsyncClient() as client:
        while not server.started:
            await asyncio.sleep(0.005)
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "ok"
        server.should_exit = True
        await serving
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/")
