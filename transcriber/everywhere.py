"""The models here and the engine elsewhere, asked alike."""

from __future__ import annotations

import asyncio

from polyvox.errors import Invalid
from polyvox.metrics import Metrics
from polyvox.ports import Clock
from polyvox.settings import Settings
from polyvox.settings.remote import OPENAI
from transcriber.children import Models
from transcriber.engines.base import TranscribeOptions, Transcription
from transcriber.overflow import Overflow
from transcriber.remote import Remote, is_wanted


class Everywhere:
    """Starts what most parts will need; the rest starts with the first part that asks for it."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock) -> None:
        """Raises Fatal: the settings want parts to go elsewhere, and do not say how."""
        self._models = Models(settings, metrics)
        self._remote = Remote(settings, metrics, clock) if is_wanted(settings) else None
        self._is_remote = settings.transcriber_engine == OPENAI
        self.default_model = settings.openai_model if self._is_remote else settings.transcriber_model
        self.places = (
            settings.openai_parallel if self._is_remote else settings.transcriber_concurrency * self._models.shared
        )
        """How many parts are worked on at the same time."""
        self.overflow: Overflow | None = None
        above_s = settings.transcriber_overflow_backlog_s
        if above_s is not None and not self._is_remote:
            self.overflow = Overflow(
                clock, metrics, above_s=above_s, here=self.places, elsewhere=settings.openai_parallel
            )

    async def transcribe(self, flac: bytes, engine: str, options: TranscribeOptions) -> Transcription:
        """Words of a part. Raises what ``Models.transcribe`` and ``Remote.transcribe`` do."""
        if engine != OPENAI:
            return await self._models.transcribe(flac, engine, options)
        if self._remote is None:
            raise Invalid("The engine openai is not set up on this server; choose another.", code="unknown-engine")
        return await self._remote.transcribe(flac, options)

    async def warm(self) -> None:
        if not self._is_remote:
            await self._models.warm()
        if self._remote is not None and (self._is_remote or self.overflow is not None):
            await self._remote.warm()

    async def close(self) -> None:
        closing = [self._models.close()] + ([self._remote.close()] if self._remote is not None else [])
        await asyncio.gather(*closing)
