"""A metrics sink that tests look into."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from polyvox import metrics
from polyvox.metrics import Metric


class RecordedMetrics:
    def __init__(self) -> None:
        self._values: defaultdict[tuple[str, frozenset[tuple[str, str]]], list[float]] = defaultdict(list)

    def add(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        assert metric.kind == "counter"
        self._record(metric, amount, labels)

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        assert metric.kind == "gauge"
        self._record(metric, value, labels)

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        assert metric.kind == "histogram"
        self._record(metric, value, labels)

    def render(self) -> bytes:
        return repr(dict(self._values)).encode()

    def count(self, metric: Metric, **labels: str) -> float:
        return sum(self.values(metric, **labels))

    def values(self, metric: Metric, **labels: str) -> list[float]:
        return self._values[metric.name, frozenset(labels.items())]

    def _record(self, metric: Metric, value: float, labels: dict[str, str]) -> None:
        assert set(labels) == set(metric.labels), metric.name
        self._values[metric.name, frozenset(labels.items())].append(value)


@contextmanager
def recording() -> Iterator[RecordedMetrics]:
    """What this process counts meanwhile."""
    before, recorded = metrics.process_metrics(), RecordedMetrics()
    metrics.use(recorded)
    try:
        yield recorded
    finally:
        metrics.use(before)
