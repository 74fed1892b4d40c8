"""The parent's side of the engine: processes that hold it, and the weights they need."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from diarizer.engines.base import DiarizeOptions, Run
from polyvox import weights
from polyvox.child.child import Child
from polyvox.errors import Invalid
from polyvox.settings import Settings

START_TIMEOUT_S = 900.0
"""Enough to fetch a published pipeline."""

SEGMENTATION = ("pyannote-segmentation-3.0", "pytorch_model.bin")
EMBEDDING = ("campplus", "campplus_cn_en_common.pt")


class EngineProcesses:
    """As many child processes as recordings are diarized at once. They start when they are needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._children: list[Child] = []
        self._idle: asyncio.LifoQueue[Child] = asyncio.LifoQueue()
        self._preparing = asyncio.Lock()

    async def diarize(self, audio: Path, options: DiarizeOptions) -> Run:
        """Diarize a 16 kHz mono FLAC file.

        Raises:
            Invalid: the file, the pipeline or the device is unusable, or it takes too long.
            Transient: weights cannot be fetched now, or the process died; ChildCrashed says how.
        """
        async with self._preparing:
            if not self._children:
                await self._prepare()
        # The last one that was free has its models loaded: a quiet worker keeps one child warm, not all.
        child = await self._idle.get()
        try:
            run: Run = await child.call("diarize", audio, options, timeout_s=self._settings.diarize_timeout_s)
            return run
        finally:
            self._idle.put_nowait(child)

    async def close(self) -> None:
        await asyncio.gather(*(child.close() for child in self._children))

    async def _prepare(self) -> None:
        kwargs = await self._engine_kwargs()
        for _ in range(self._settings.diarizer_concurrency):
            child = Child(
                "diarizer.engines.host:build",
                kwargs,
                start_timeout_s=START_TIMEOUT_S,
                name="diarizer engine",
                timeout_error=_too_slow,
            )
            self._children.append(child)
            self._idle.put_nowait(child)

    async def _engine_kwargs(self) -> dict[str, Any]:
        settings = self._settings
        kwargs: dict[str, Any] = {
            "pipeline": settings.diarizer_pipeline,
            "hf_token": settings.hf_token,
            "device": settings.device,
            "threads": settings.threads or max(1, _cores() // settings.diarizer_concurrency),
        }
        if settings.diarizer_pipeline == "builtin":
            kwargs["segmentation"] = await self._weights(*SEGMENTATION)
            kwargs["embedding"] = await self._weights(*EMBEDDING)
        return kwargs

    async def _weights(self, name: str, file: str) -> Path:
        settings = self._settings
        folder = await asyncio.to_thread(weights.pull, name, settings.weights_dir, hf_token=settings.hf_token)
        return folder / file


def _too_slow(text: str) -> Invalid:
    # The next attempt would take as long.
    return Invalid(f"Telling the speakers apart took too long: {text}", code="diarize-timeout")


def _cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
