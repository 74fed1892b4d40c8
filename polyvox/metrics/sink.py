"""Where values go: the sink of this process, chosen by bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from polyvox.metrics.metric import Metric


class Metrics(Protocol):
    """Takes values. Label values are given by name, all of them, every time."""

    def add(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        """Count up."""

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Set a gauge."""

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Put one value into a histogram."""

    def render(self) -> bytes:
        """All values in Prometheus text format 0.0.4."""


class NoMetrics:
    """Lets everything fall: for processes that nobody measures."""

    def add(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        return

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        return

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        return

    def render(self) -> bytes:
        return b""


@dataclass(slots=True)
class _Process:
    metrics: Metrics


_PROCESS = _Process(NoMetrics())


def use(metrics: Metrics) -> None:
    """Make ``metrics`` those of this process; bootstrap does so before anything is measured."""
    _PROCESS.metrics = metrics


def process_metrics() -> Metrics:
    """The metrics of this process, for code that was given no others."""
    return _PROCESS.metrics
