"""Connections that come together are taken together, and none is lost while there are no descriptors."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from polyvox.host import loop_factory
from polyvox.http.listening import Listener, listen

TOGETHER = 40
TURNS = 20


class Greeting(asyncio.Protocol):
    """Says its number: of which connection, in the order they are taken."""

    taken = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        Greeting.taken += 1
        transport.write(b"%d" % Greeting.taken)
        transport.close()


@pytest.fixture(params=[None, loop_factory()], ids=["asyncio", "as in production"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run(work: Coroutine[Any, Any, None]) -> None:
        Greeting.taken = 0
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work)

    return run


def connected(listener: Listener) -> list[socket.socket]:
    return [socket.create_connection(listener.sockets[0].getsockname()[:2], timeout=10) for _ in range(TOGETHER)]


async def said(clients: list[socket.socket]) -> list[int]:
    heard = await asyncio.gather(*(asyncio.to_thread(client.recv, 10) for client in clients))
    for client in clients:
        client.close()
    return [int(one) for one in heard]


def test_all_that_wait_are_taken_in_a_few_turns_of_the_loop(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    async def work() -> None:
        listener = await listen(Greeting, "127.0.0.1", 0)
        # The kernel greets them: the loop has not turned since.
        clients = connected(listener)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert Greeting.taken == TOGETHER
        assert sorted(await said(clients)) == [*range(1, TOGETHER + 1)]
        address = listener.sockets[0].getsockname()
        listener.close()
        await listener.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)

    run(work())


def test_what_waits_is_taken_once_there_are_descriptors_again(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    async def work() -> None:
        listener = await listen(Greeting, "127.0.0.1", 0, again_s=0.05)
        clients = connected(listener)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            await asyncio.sleep(0.02)
            assert Greeting.taken == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        async with asyncio.timeout(10):
            assert sorted(await said(clients)) == [*range(1, TOGETHER + 1)]
        listener.close()

    run(work())


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def work() -> None:
        listener = await listen(Greeting, "localhost", 0)
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            await listen(Greeting, "127.0.0.1", port)
        listener.close()
        again = await listen(Greeting, "127.0.0.1", port)
        again.close()

    run(work())
