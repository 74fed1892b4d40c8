"""The child processes that hold the models."""

from __future__ import annotations

from polyvox.child.child import Child
from polyvox.child.pool import MODEL_ENV, ChildPool, threads_each
from polyvox.metrics import Metrics
from polyvox.settings import Settings
from transcriber.engines.base import TranscribeOptions, Transcription

FACTORY = "transcriber.engines.host:build"
START_TIMEOUT_S = 300.0


class Models:
    """Whisper in processes of its own. They start at the first call, or at ``warm``."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        count = settings.transcriber_concurrency
        kwargs = {
            "weights_dir": str(settings.weights_dir),
            "device": settings.device,
            "threads": threads_each(settings.threads, count),
            "default_model": settings.transcriber_model,
        }
        self._timeout_s = settings.transcribe_timeout_s
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
            ]
        )

    async def transcribe(self, flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
        """Words of a part. Raises what ``Child.call`` does; cancelling ends the child's work."""
        result: Transcription = await self._pool.call("transcribe", flac, engine, options, timeout_s=self._timeout_s)
        return result

    async def warm(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()
