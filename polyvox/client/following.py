"""Following a recording to its end: its states over lost connections, and its transcript as it grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing

import httpx

from polyvox.client import calls
from polyvox.client.calls import Recording
from polyvox.contracts import Transcript
from polyvox.errors import Transient

RECONNECT_S = 0.5

Fetch = Callable[[dict[str, str]], httpx.Response]
"""The transcript with these request headers; 304 where it is what the client has."""
AsyncFetch = Callable[[dict[str, str]], Awaitable[httpx.Response]]


async def states_async(
    events: Callable[[], AsyncGenerator[Recording, None]], *, patience_s: float = calls.PATIENCE_S
) -> AsyncGenerator[Recording, None]:
    """Every state to the final one; ``events`` connects, and again whenever what it gave has ended.

    Raises:
        Transient: the server was away for longer than ``patience_s``.
    """
    loop, lost_s = asyncio.get_running_loop(), None
    while True:
        try:
            async with aclosing(events()) as some:
                async for state in some:
                    lost_s = None
                    yield state
                    if state.is_final:
                        return
        except Transient:
            lost_s = loop.time() if lost_s is None else lost_s
            if loop.time() - lost_s >= patience_s:
                raise
        await asyncio.sleep(RECONNECT_S)


def states(events: Callable[[], Iterator[Recording]], *, patience_s: float = calls.PATIENCE_S) -> Iterator[Recording]:
    """As ``states_async``."""
    lost_s: float | None = None
    while True:
        try:
            for state in events():
                lost_s = None
                yield state
                if state.is_final:
                    return
        except Transient:
            lost_s = time.monotonic() if lost_s is None else lost_s
            if time.monotonic() - lost_s >= patience_s:
                raise
        time.sleep(RECONNECT_S)


async def growing_async(states: AsyncGenerator[Recording, None], fetch: AsyncFetch) -> AsyncIterator[Transcript]:
    """The transcript whenever there is more of it, the finished one last.

    Raises:
        Invalid: there will be none, and why.
        NotFound: the recording was deleted meanwhile.
    """
    etag: str | None = None
    async with aclosing(states) as some:
        async for state in some:
            if state.status == "queued":
                continue
            response = await fetch(_unless(etag))
            if response.status_code != 304:
                etag = response.headers.get("ETag")
                yield calls.transcript(response)


def growing(states: Iterator[Recording], fetch: Fetch) -> Iterator[Transcript]:
    """As ``growing_async``."""
    etag: str | None = None
    for state in states:
        if state.status == "queued":
            continue
        response = fetch(_unless(etag))
        if response.status_code != 304:
            etag = response.headers.get("ETag")
            yield calls.transcript(response)


def _unless(etag: str | None) -> dict[str, str]:
    return {"If-None-Match": etag} if etag else {}
