"""Work goes on as long as somebody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from polyvox.http import Problem
from polyvox.http.problems import RETRY_AFTER_S

T = TypeVar("T")


async def attended(work: Awaitable[T], request: Request, stopping: asyncio.Event) -> T:
    """The result of ``work``, whose request has been read to its end.

    Raises:
        ClientDisconnect: the caller left; ``work`` is cancelled.
        Problem: 503, the process stops; ``work`` is cancelled.
        Exception: what ``work`` raises.
    """
    doing = asyncio.ensure_future(work)
    left = asyncio.create_task(_left(request))
    stop = asyncio.create_task(stopping.wait())
    tasks = (doing, left, stop)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        if left.done():
            raise ClientDisconnect
        raise stops()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stops() -> Problem:
    return Problem(
        503,
        "stopping",
        "The server stops",
        "The server stops before the transcript is there, and what it had of the recording is removed. "
        "Send it again in a few seconds.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
