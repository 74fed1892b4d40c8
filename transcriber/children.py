"""The child processes that hold the models; as many calls at once as there are children."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from polyvox.child.child import Child
from polyvox.metrics import Metrics
from polyvox.settings import Settings
from transcriber.engines.base import TranscribeOptions, Transcription

FACTORY = "transcriber.engines.host:build"
START_TIMEOUT_S = 300.0


class Children:
    """Gives each call to a child that is free."""

    def __init__(self, children: Sequence[Child], *, timeout_s: float) -> None:
        self._children = children
        self._timeout_s = timeout_s
        self._free: asyncio.LifoQueue[Child] = asyncio.LifoQueue()
        for child in children:
            self._free.put_nowait(child)

    async def transcribe(self, flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
        """Words of a part. Raises what ``Child.call`` does; cancelling ends the child's work."""
        # The last one that was free has its model loaded: a quiet worker keeps one child warm, not all.
        child = await self._free.get()
        try:
            result: Transcription = await child.call("transcribe", flac, engine, options, timeout_s=self._timeout_s)
            return result
        finally:
            self._free.put_nowait(child)

    async def close(self) -> None:
        await asyncio.gather(*(child.close() for child in self._children))


def start(settings: Settings, metrics: Metrics) -> Children:
    """Children for these settings. Their processes start at the first call."""
    count = settings.transcriber_concurrency
    kwargs = {
        "weights_dir": str(settings.weights_dir),
        "device": settings.device,
        "threads": settings.threads or max(1, _cores() // count),
        "default_model": settings.transcriber_model,
    }
    return Children(
        [
            Child(FACTORY, kwargs, name="transcriber", start_timeout_s=START_TIMEOUT_S, metrics=metrics)
            for _ in range(count)
        ],
        timeout_s=settings.transcribe_timeout_s,
    )


def _cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
