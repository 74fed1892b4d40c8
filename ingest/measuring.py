"""What decoding costs, as metrics."""

from __future__ import annotations

from dataclasses import dataclass

from polyvox import metrics
from polyvox.audio import SAMPLE_RATE_HZ
from polyvox.contracts import MediaUploaded
from polyvox.metrics import Metrics
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses

STAGE, ENGINE, MODEL = "normalise", "decoder", "flac"


@dataclass(frozen=True, slots=True)
class Measuring:
    counters: Metrics
    classes: TenantClasses = EVERYBODY_ALIKE

    def decoded(self, media: MediaUploaded, samples: int, busy_s: float) -> None:
        """Count a recording that took a decoding process ``busy_s`` seconds."""
        audio_s = samples / SAMPLE_RATE_HZ
        self.counters.add(metrics.ENGINE_AUDIO, audio_s, stage=STAGE, engine=ENGINE, model=MODEL)
        self.counters.add(metrics.ENGINE_BUSY, busy_s, stage=STAGE, engine=ENGINE, model=MODEL)
        if busy_s > 0:
            self.counters.observe(metrics.ENGINE_RTFX, audio_s / busy_s, stage=STAGE, engine=ENGINE)
        whose = self.classes.of(media.tenant)
        self.counters.add(metrics.DEVICE_TIME, busy_s, stage=STAGE, device="cpu", tenant_class=whose)
