"""The Metrics sink on prometheus_client.

Several processes: the parent sets ``PROMETHEUS_MULTIPROC_DIR`` to an empty folder before it
starts them; each then keeps its values in files there, named after its process id, and any
of them answers for all. prometheus_client reads the variable when it is first imported, so
it must be set before this module is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from polyvox.errors import Fatal
from polyvox.metrics import CATALOGUE, Metric

GAUGES: Final[Mapping[str, Literal["livesum", "livemax"]]] = {"sum": "livesum", "max": "livemax"}
RESERVED_BYTES = 1024 * 1024
"""Of each file of values: a few thousand series."""


class PrometheusMetrics:
    """Holds one collector per metric of the catalogue, in a registry of its own.

    Raises:
        Fatal: there is no room on the disk for the values of several processes.
    """

    def __init__(self, catalogue: Sequence[Metric] = CATALOGUE) -> None:
        if _together():
            _reserve(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
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
        if not _together():
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def forget_process(pid: int, folder: Path) -> None:
    """Drop the gauges of a process that ended; its counters stay."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _together() -> bool:
    """Whether several processes keep their values in one folder."""
    return bool(getattr(values.ValueClass, "_multiprocess", False))


def _reserve(folder: Path) -> None:
    """Make this process's files before prometheus_client does, with their room on the disk.

    It maps sparse files into memory, and to touch a page for which the disk has no room ends the process by SIGBUS.
    """
    for kind in ("counter", *(f"gauge_{mode}" for mode in GAUGES.values()), "histogram"):
        path = folder / f"{kind}_{os.getpid()}.db"
        if not path.exists():
            try:
                path.write_bytes(bytes(RESERVED_BYTES))
            except OSError as error:
                path.unlink(missing_ok=True)
                raise Fatal(f"the metrics of this process cannot be kept in {folder}: {error}") from error


def _collector(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
        case "gauge":
            return Gauge(
                metric.name, metric.meaning, metric.labels, registry=registry, multiprocess_mode=GAUGES[metric.together]
            )
        case "histogram":
            return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)
