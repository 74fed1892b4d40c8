"""The engine elsewhere: cuts parts in a child process, sends them from this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polyvox.child.child import Child
from polyvox.child.pool import MODEL_ENV, ChildPool
from polyvox.errors import Fatal
from polyvox.metrics import Metrics
from polyvox.ports import Clock
from polyvox.settings import Settings
from polyvox.settings.remote import OPENAI
from transcriber.engines.base import TranscribeOptions, Transcription

if TYPE_CHECKING:
    from transcriber.engines.openai.cutting import Cut
    from transcriber.engines.openai.slices import Rule

FACTORY = "transcriber.engines.openai.cutting:build"
START_TIMEOUT_S = 120.0
CUT_TIMEOUT_S = 600.0


def is_wanted(settings: Settings) -> bool:
    """Whether this process may have to send anything.

    Raises:
        Fatal: it would have to, and there is no key.
    """
    if settings.openai_key is not None:
        return True
    for name, wants in (
        ("POLYVOX_TRANSCRIBER_ENGINE is openai", settings.transcriber_engine == OPENAI),
        ("POLYVOX_TRANSCRIBER_OVERFLOW_BACKLOG_S is set", settings.transcriber_overflow_backlog_s is not None),
    ):
        if wants:
            raise Fatal(f"{name}, but there is no key for the endpoint: set POLYVOX_OPENAI_API_KEY")
    return False


class Remote:
    """An OpenAIEngine with the process that cuts for it."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock) -> None:
        """Raises Fatal: there is no key, or the openai package is not installed."""
        try:
            from transcriber.engines.openai.asking import Asking, Endpoint
            from transcriber.engines.openai.engine import OpenAIEngine
        except ImportError as error:
            raise Fatal(f"the engine openai needs more packages: pip install 'polyvox[openai]' ({error})") from error

        if settings.openai_key is None:
            raise Fatal("the engine openai has no key: set POLYVOX_OPENAI_API_KEY")
        self._pool = ChildPool(
            [
                Child(
                    FACTORY,
                    {},
                    name="cutter",
                    start_timeout_s=START_TIMEOUT_S,
                    metrics=metrics,
                    env=MODEL_ENV,
                )
            ]
        )
        self._asking = Asking(
            Endpoint(
                base_url=settings.openai_base_url,
                api_key=settings.openai_key,
                default_model=settings.openai_model,
                models=frozenset(settings.openai_models),
                parallel=settings.openai_parallel,
                attempts=settings.openai_attempts,
                timeout_s=settings.openai_timeout_s,
            ),
            clock,
            metrics,
        )
        self._engine = OpenAIEngine(
            self._cut, self._asking, clock, models=settings.openai_models, max_bytes=settings.openai_max_bytes
        )

    @property
    def closed_s(self) -> float:
        """How long the endpoint asked to be left alone, from now; 0 when it takes requests."""
        return self._asking.gate.closed_s

    async def transcribe(self, flac: bytes, options: TranscribeOptions) -> Transcription:
        """Words of a part. Raises as ``OpenAIEngine.transcribe``."""
        return await self._engine.transcribe(flac, options)

    async def _cut(self, flac: bytes, rule: Rule) -> Cut:
        found: Cut = await self._pool.call("cut", flac, rule, timeout_s=CUT_TIMEOUT_S)
        return found

    async def warm(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()
        await self._asking.close()
