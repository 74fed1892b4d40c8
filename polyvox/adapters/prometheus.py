"""The Metrics sink on prometheus_client.

Several processes: the parent sets ``PROMETHEUS_MULTIPROC_DIR`` to an empty folder before it
starts them; each then keeps its values in files there, named after its process id, and any
of them answers for all. prometheus_client reads the variable when it is first imported, so
it must be set before this module is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from polyvox.metrics import CATALOGUE, Metric


class PrometheusMetrics:
    """Holds one collector per metric of the catalogue, in a registry of its own."""

    def __init__(self, catalogue: Sequence[Metric] = CATALOGUE) -> None:
        self._registry = CollectorRegistry()
        self._collectors = {metric.name: _collector(metric, self._registry) for metric in catalogue}

    def add(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        collector = self._collectors[metric.name]
        assert isinstance(collector, Counter)
        (collector.labels(**labels) if labels else collector).inc(amount)

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        collector = self._collectors[metric.name]
        assert isinstance(collector, Gauge)
        (collector.labels(**labels) if labels else collector).set(value)

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        collector = self._collectors[metric.name]
        assert isinstance(collector, Histogram)
        (collector.labels(**labels) if labels else collector).observe(value)

    def render(self) -> bytes:
        if not getattr(values.ValueClass, "_multiprocess", False):
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def forget_process(pid: int, folder: Path) -> None:
    """Drop the gauges of a process that ended; its counters stay."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _collector(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
        case "gauge":
            return Gauge(metric.name, metric.meaning, metric.labels, registry=registry, multiprocess_mode="livesum")
        case "histogram":
            return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)
