"""What transcribing costs, as metrics: the parent counts what its children say with each result."""

from __future__ import annotations

from dataclasses import dataclass

from polyvox import metrics
from polyvox.contracts import PartReady, RetakeReady
from polyvox.metrics import Metrics
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from polyvox.weights import known_models
from transcriber.engines.base import Transcription

WINDOW_S = 30.0
"""Of audio or padding in each place of Whisper's encoder."""
OTHER = "other"
"""What models of people's own are called, of which there may be any number."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """``default_model`` is the process's own; others show by name where they are public or ``configured``."""

    counters: Metrics
    classes: TenantClasses = EVERYBODY_ALIKE
    default_model: str = ""
    configured: frozenset[str] = frozenset()

    def transcribed(self, part: PartReady | RetakeReady, engine: str, model: str, result: Transcription) -> None:
        """Count a part, or the stretches of a second attempt, that an engine has just worked through."""
        effort, audio_s = result.effort, part.weight_s()
        which = {"engine": engine, "model": self._shown(model)}
        self.counters.add(metrics.ENGINE_AUDIO, audio_s, stage="transcribe", **which)
        self.counters.add(metrics.ENGINE_BUSY, effort.busy_s, stage="transcribe", **which)
        self.counters.add(metrics.ENGINE_TOKENS, effort.tokens, **which)
        self.counters.add(metrics.ENGINE_WINDOWS, effort.windows, **which)
        self.counters.add(metrics.ENGINE_DECODES, effort.decodes, **which)
        if effort.busy_s > 0:
            self.counters.observe(metrics.ENGINE_RTFX, audio_s / effort.busy_s, stage="transcribe", engine=engine)
        if effort.windows:
            fill = effort.window_s / (effort.windows * WINDOW_S)
            self.counters.observe(metrics.BATCH_FILL, min(fill, 1.0), engine=engine)
        for load in effort.loads:
            shown = self._shown(load.model)
            self.counters.observe(metrics.MODEL_LOAD, load.took_s, stage="transcribe", engine=engine, model=shown)
        whose = self.classes.of(part.tenant)
        if effort.sent_s:
            self.counters.add(metrics.REMOTE_AUDIO, effort.sent_s, model=which["model"], tenant_class=whose)
        self.counters.add(
            metrics.DEVICE_TIME, effort.busy_s, stage="transcribe", device=effort.device, tenant_class=whose
        )

    def _shown(self, model: str) -> str:
        known = model == self.default_model or model in self.configured or model in known_models()
        return model if known else OTHER
