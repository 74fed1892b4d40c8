"""How long an upload is waited for: not for ever when nothing comes, not for long when the process stops."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from ingest.upload import refusals
from polyvox.http import Problem

IDLE_S = 60.0
"""A client that sends nothing for so long is not waited for any more."""
GRACE_S = 3.0
"""How long an upload may go on after the process was told to stop: less than the server gives
its requests, so that the client gets an answer and what was stored is removed in order."""


class Patience:
    """A request's body. Use it as a context, and iterate it inside.

    Raises:
        Problem: 408, nothing came for ``idle_s``; 503, ``stopping`` has been set for ``grace_s``; what
            :meth:`break_off` was given.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        stopping: asyncio.Event,
        *,
        idle_s: float = IDLE_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._chunks = chunks
        self._stopping = stopping
        self._idle_s = idle_s
        self._grace_s = grace_s
        self._stops_at = math.inf
        self._waiting: asyncio.Timeout | None = None
        self._broken_off: Problem | None = None

    def break_off(self, why: Problem) -> None:
        """From now on no more is waited for, and ``why`` is raised."""
        self._broken_off = why
        self._end_at(asyncio.get_running_loop().time())

    async def __aenter__(self) -> Self:
        self._watch = asyncio.create_task(self._watch_for_stop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        now = asyncio.get_running_loop().time()
        if self._broken_off is not None:
            raise self._broken_off
        try:
            async with asyncio.timeout_at(min(now + self._idle_s, self._stops_at)) as self._waiting:
                return await anext(self._chunks)
        except TimeoutError as error:
            if self._broken_off is not None:
                raise self._broken_off from error
            raise (refusals.stopping() if self._stopping.is_set() else refusals.stalled(self._idle_s)) from error
        finally:
            self._waiting = None

    async def _watch_for_stop(self) -> None:
        await self._stopping.wait()
        self._end_at(asyncio.get_running_loop().time() + self._grace_s)

    def _end_at(self, stops_at: float) -> None:
        self._stops_at = min(self._stops_at, stops_at)
        if self._waiting is not None:
            self._waiting.reschedule(min(self._waiting.when() or math.inf, self._stops_at))
