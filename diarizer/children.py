"""The parent's side of the engine: processes that hold it, and the weights they need."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from diarizer.engines.base import Comparison, DiarizeOptions, Run, Stretch
from diarizer.engines.heard import Heard
from diarizer.notes import Notes, NotesOfNobody
from polyvox import weights
from polyvox.child.child import Child
from polyvox.child.pool import MODEL_ENV, ChildPool, memory_each, threads_each
from polyvox.errors import Invalid, PolyvoxError
from polyvox.settings import Settings

log = logging.getLogger(__name__)

START_TIMEOUT_S = 900.0
"""Enough to fetch a published pipeline."""

ONE_SOUND = (
    "The two channels hold the same sound, so they are no call with one speaker on each: "
    "speakers were told apart by their voices."
)
NOT_BUILTIN = "Speakers were told apart by their voices: only the built-in diarizer takes channels as speakers."
Call = Callable[..., Awaitable[Any]]

HOST = "diarizer.engines.host:build"
SEGMENTATION = ("pyannote-segmentation-3.0", "pytorch_model.bin")
EMBEDDING = ("campplus", "campplus_cn_en_common.pt")


class EngineProcesses:
    """The diarizer's engine in processes of its own. They start at the first call, or at ``warm``."""

    def __init__(self, settings: Settings, *, host: str = HOST) -> None:
        """``host``: what makes the object of such a process, as ``package.module:callable``."""
        self._settings = settings
        self._host = host
        self._pool: ChildPool | None = None
        self._preparing = asyncio.Lock()

    async def diarize(
        self,
        audio: Path,
        options: DiarizeOptions,
        notes: Notes = NotesOfNobody(),  # noqa: B008
        channels: Sequence[tuple[Path, Notes]] = (),
    ) -> Run:
        """Diarize a 16 kHz mono FLAC file, going on from ``notes`` and keeping them.

        ``channels``: files of its channels with notes of their own. Where they are the ends of a call, each is
        a speaker, and the file itself is not listened to.

        Raises:
            Invalid: the file, the pipeline or the device is unusable, or it takes too long.
            Transient: weights cannot be fetched now, or the process died; ChildCrashed says how.
        """
        pool = await self._prepared()
        until_s = asyncio.get_running_loop().time() + self._settings.diarize_timeout_s

        async def call(method: str, *args: Any) -> Any:
            left_s = until_s - asyncio.get_running_loop().time()
            return await pool.call(method, *args, timeout_s=max(left_s, 0.001))

        if self._settings.diarizer_pipeline != "builtin":
            run: Run = await call("diarize", audio, options)
            return replace(run, warnings=(*run.warnings, NOT_BUILTIN)) if channels else run
        if channels:
            paths = [path for path, _ in channels]
            comparison: Comparison = await call("compare", paths)
            if comparison.is_call:
                sides = [await self._heard(call, path, own) for path, own in channels]
                run = await call("tell_channels", [stretches for stretches, _ in sides], paths)
                return replace(run, busy_s=run.busy_s + sum(busy_s for _, busy_s in sides))
        stretches, busy_s = await self._heard(call, audio, notes)
        run = await call("tell", stretches, options)
        return replace(run, busy_s=run.busy_s + busy_s, warnings=(ONE_SOUND,) if channels else ())

    async def _heard(self, call: Call, audio: Path, notes: Notes) -> tuple[list[bytes], float]:
        """All stretches of a file, and how long the engine took for those that were not known."""
        stretches: list[bytes] = []
        busy_s, is_last = 0.0, False
        while not is_last:
            packed = await notes.read(len(stretches))
            known = _unpacked(packed) if packed is not None else None
            if packed is not None and known is not None:
                is_last = known.is_last
            else:
                stretch: Stretch = await call("hear", audio, len(stretches))
                packed, is_last = stretch.packed, stretch.is_last
                busy_s += stretch.busy_s
                if stretches or not is_last:
                    # A recording of one stretch is done in less time than notes are worth.
                    await notes.write(len(stretches), packed, stretch.end_s)
            stretches.append(packed)
        return stretches, busy_s

    async def warm(self) -> None:
        """Start the engine before there is work for it; importing pyannote takes many seconds."""
        try:
            pool = await self._prepared()
        except PolyvoxError as error:
            log.warning("%s", error)
        else:
            await pool.warm()

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def _prepared(self) -> ChildPool:
        async with self._preparing:
            if self._pool is None:
                kwargs = await self._engine_kwargs()
                self._pool = ChildPool(
                    [
                        Child(
                            self._host,
                            kwargs,
                            start_timeout_s=START_TIMEOUT_S,
                            name="diarizer engine",
                            timeout_error=_too_slow,
                            env=MODEL_ENV,
                        )
                        for _ in range(self._settings.diarizer_concurrency)
                    ]
                )
        return self._pool

    async def _engine_kwargs(self) -> dict[str, Any]:
        settings = self._settings
        kwargs: dict[str, Any] = {
            "pipeline": settings.diarizer_pipeline,
            "hf_token": settings.hf_token,
            "device": settings.device,
            "threads": threads_each(settings.threads, settings.diarizer_concurrency),
            "memory_bytes": memory_each(settings.diarizer_gpu_memory_gib, settings.diarizer_concurrency),
        }
        if settings.diarizer_pipeline == "builtin":
            kwargs["segmentation"] = await self._weights(*SEGMENTATION)
            kwargs["embedding"] = await self._weights(*EMBEDDING)
        return kwargs

    async def _weights(self, name: str, file: str) -> Path:
        settings = self._settings
        folder = await asyncio.to_thread(weights.pull, name, settings.weights_dir, hf_token=settings.hf_token)
        return folder / file


def _unpacked(packed: bytes) -> Heard | None:
    try:
        return Heard.unpacked(packed)
    except Invalid as error:
        log.warning("listening again: %s", error)
        return None


def _too_slow(text: str) -> Invalid:
    # The next attempt would take as long.
    return Invalid(f"Telling the speakers apart took too long: {text}", code="diarize-timeout")
