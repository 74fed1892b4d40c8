"""What a metric is, and the bounds that histograms share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SECONDS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 7200.0)
QUEUE_SECONDS = (
    *(0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5),
    *(1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 43200.0),
)
STALL_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LONG_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 7200.0, 21600.0, 86400.0)
"""From an upload to something that came of it."""
ANSWER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
"""Of what lies between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter's name ends in ``_total``; ``buckets`` are a histogram's upper bounds, in ``unit``.

    ``labels`` have few values each, however many tenants, recordings and hosts there are.
    ``together`` says how a gauge's values of several processes become one.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()
    together: Literal["sum", "max"] = "sum"
