"""The child processes that hold the models."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from polyvox.child.child import Child
from polyvox.child.pool import MODEL_ENV, ChildPool, memory_each, threads_each
from polyvox.errors import Invalid, PolyvoxError
from polyvox.metrics import MODEL_LOAD, Metrics
from polyvox.settings import Settings
from transcriber.engines.base import TranscribeOptions, Transcription
from transcriber.together import Together

log = logging.getLogger(__name__)

FACTORY = "transcriber.engines.host:build"
START_TIMEOUT_S = 300.0
SHARED_BYTES = 8 << 20
"""FLAC of about 6 minutes: what is longer fills a model's batch by itself."""

SHARED_WAIT_S = 0.03
Request = tuple[bytes, str, TranscribeOptions]


class Models:
    """Whisper in processes of its own. They start at the first call, or at ``warm``.

    Short parts that are asked for at the same time go to a process together, so that their windows share
    the model's batch: up to ``shared`` of them.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        count = settings.transcriber_concurrency
        # Another engine would work off one after the other what it was given together.
        self.shared = settings.transcriber_batch if settings.transcriber_engine == "whisper" else 1
        kwargs = {
            "weights_dir": str(settings.weights_dir),
            "device": settings.device,
            "threads": threads_each(settings.threads, count),
            "default_model": settings.transcriber_model,
            "memory_bytes": memory_each(settings.transcriber_gpu_memory_gib, count),
            "beams": settings.transcriber_beams,
            "own_models": dict(settings.transcriber_models),
        }
        self._usual = settings.transcriber_engine, settings.transcriber_model
        self._metrics = metrics
        self._timeout_s = settings.transcribe_timeout_s
        self._together: Together[Request, Transcription] = Together(
            self._transcribe,
            turns=count,
            most=self.shared,
            most_bytes=SHARED_BYTES,
            wait_s=SHARED_WAIT_S if self.shared > 1 else 0.0,
        )
        self._pool = ChildPool(
            [
                Child(
                    FACTORY,
                    kwargs,
                    name="transcriber",
                    start_timeout_s=START_TIMEOUT_S,
                    metrics=metrics,
                    env=MODEL_ENV,
                )
                for _ in range(count)
            ],
            idle_s=settings.models_idle_s,
        )

    async def transcribe(self, flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
        """Words of a part. Raises what ``Child.call`` does; cancelling ends the child's work."""
        return await self._together.ask((flac, engine, options), size_bytes=len(flac))

    async def _transcribe(self, requests: Sequence[Request]) -> list[Transcription | PolyvoxError]:
        answers: list[Transcription | PolyvoxError] = await self._pool.call(
            "transcribe_many", list(requests), timeout_s=self._timeout_s * len(requests)
        )
        return answers

    async def warm(self) -> None:
        """Load what most parts will need. What goes wrong shows again at the first part."""
        engine, model = self._usual
        try:
            loads = await self._pool.call("warm", engine, model, timeout_s=START_TIMEOUT_S)
        except Invalid as error:
            log.info("%s is not loaded ahead: %s", model, error)
        except PolyvoxError as error:
            log.warning("%s", error)
        else:
            for load in loads:
                which = {"stage": "transcribe", "engine": engine, "model": model}
                self._metrics.observe(MODEL_LOAD, load.took_s, **which)

    async def close(self) -> None:
        await self._pool.close()
