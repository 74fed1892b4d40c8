"""Waiting for what becomes true: poll with a deadline, never sleep for luck."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

PAUSE_S = 0.01


async def until(condition: Callable[[], Any | Awaitable[Any]], *, deadline_s: float = 60.0, what: str = "") -> Any:
    """The first true value of ``condition``, which may be async; fails the test after the deadline."""
    give_up_s = time.monotonic() + deadline_s
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > give_up_s:
            raise AssertionError(f"not within {deadline_s} s: {what or inspect.getsource(condition).strip()}")
        await asyncio.sleep(PAUSE_S)
