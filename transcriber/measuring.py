"""What transcribing costs, as metrics: the parent counts what its children say with each result."""

from __future__ import annotations

from dataclasses import dataclass

from polyvox import metrics
from polyvox.contracts import PartReady
from polyvox.metrics import Metrics
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from transcriber.engines.base import Transcription

WINDOW_S = 30.0
"""Of audio or padding in each place of Whisper's encoder."""


@dataclass(frozen=True, slots=True)
class Measuring:
    counters: Metrics
    classes: TenantClasses = EVERYBODY_ALIKE

    def transcribed(self, part: PartReady, engine: str, model: str, result: Transcription) -> None:
        """Count a part that an engine has just worked through."""
        effort, audio_s = result.effort, part.end_s - part.start_s
        which = {"engine": engine, "model": model}
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
            self.counters.observe(metrics.MODEL_LOAD, load.took_s, stage="transcribe", engine=engine, model=load.model)
        whose = self.classes.of(part.tenant)
        self.counters.add(
            metrics.DEVICE_TIME, effort.busy_s, stage="transcribe", device=effort.device, tenant_class=whose
        )
