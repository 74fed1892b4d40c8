"""What waits, as metrics: by class of tenants, since tenants are without number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Self

from polyvox.contracts import Lane
from polyvox.metrics import (
    BACKLOG_AGE,
    BACKLOG_AUDIO,
    BACKLOG_RECORDINGS,
    RECORDINGS,
    RECORDINGS_OVERDUE,
    Metrics,
    process_metrics,
)
from polyvox.settings import Settings
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from results_api.backlog.tallies import STAGES, STATES, Stage, Tally

LANES: tuple[Lane, ...] = ("interactive", "bulk")


@dataclass(frozen=True, slots=True)
class Measuring:
    """Sets gauges, also of what does not wait any more. ``targets``: turnaround by lane, in seconds."""

    metrics: Metrics = field(default_factory=process_metrics)
    classes: TenantClasses = EVERYBODY_ALIKE
    targets: Mapping[Lane, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(process_metrics(), TenantClasses(settings.tenant_classes), settings.turnaround_targets_s)

    def due(self, now: datetime) -> dict[Lane, datetime]:
        """What came before then should have ended by ``now``."""
        return {lane: now - timedelta(seconds=target_s) for lane, target_s in self.targets.items()}

    def measure(self, found: Iterable[Tally], now: datetime) -> None:
        stages: dict[tuple[str, str, str], Stage] = {}
        states: Counter[tuple[str, str, str]] = Counter()
        overdue: Counter[tuple[str, str]] = Counter()
        for tally in found:
            tenant_class = self.classes.of(tally.tenant)
            for name, waits in tally.stages.items():
                at = (name, tally.lane, tenant_class)
                stages[at] = stages.get(at, Stage()) + waits
            for state, recordings in tally.states.items():
                states[state, tally.lane, tenant_class] += recordings
            overdue[tally.lane, tenant_class] += tally.overdue
        for lane, tenant_class in product(LANES, self.classes.names):
            whose = {"lane": lane, "tenant_class": tenant_class}
            self.metrics.set(RECORDINGS_OVERDUE, overdue[lane, tenant_class], **whose)
            for state in STATES:
                self.metrics.set(RECORDINGS, states[state, lane, tenant_class], state=state, **whose)
            for stage in STAGES:
                self._waits(stages.get((stage, lane, tenant_class), Stage()), now, stage=stage, **whose)

    def _waits(self, waits: Stage, now: datetime, **labels: str) -> None:
        age_s = (now - waits.since).total_seconds() if waits.since else 0.0
        self.metrics.set(BACKLOG_AUDIO, waits.audio_s, **labels)
        self.metrics.set(BACKLOG_RECORDINGS, waits.recordings, **labels)
        self.metrics.set(BACKLOG_AGE, max(age_s, 0.0), **labels)
