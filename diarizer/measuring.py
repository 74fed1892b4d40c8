"""What telling speakers apart costs, as metrics: the parent counts what its children say with each result."""

from __future__ import annotations

from dataclasses import dataclass

from diarizer.engines.base import Run
from polyvox import metrics
from polyvox.contracts import MediaReady
from polyvox.metrics import Metrics
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses

STAGE = "diarize"


@dataclass(frozen=True, slots=True)
class Measuring:
    counters: Metrics
    classes: TenantClasses = EVERYBODY_ALIKE

    def diarized(self, ready: MediaReady, run: Run) -> None:
        """Count a recording that an engine has just worked through."""
        which = {"stage": STAGE, "engine": run.engine, "model": run.model}
        self.counters.add(metrics.ENGINE_AUDIO, run.duration_s, **which)
        self.counters.add(metrics.ENGINE_BUSY, run.busy_s, **which)
        if run.busy_s > 0:
            self.counters.observe(metrics.ENGINE_RTFX, run.duration_s / run.busy_s, stage=STAGE, engine=run.engine)
        if run.load_s is not None:
            self.counters.observe(metrics.MODEL_LOAD, run.load_s, **which)
        whose = self.classes.of(ready.tenant)
        self.counters.add(metrics.DEVICE_TIME, run.busy_s, stage=STAGE, device=run.device, tenant_class=whose)
