"""Which metrics a query of a dashboard or an alert asks for."""

from __future__ import annotations

import re

from polyvox.metrics import CATALOGUE

METRICS = {metric.name: metric for metric in CATALOGUE}


def metrics_in(query: str) -> set[str]:
    """Names of the catalogue, and ``up``, that a query asks for; any other name of ours is an error."""
    found = set()
    for name in re.findall(r"\b(?:polyvox_\w+|up)\b", query):
        base = name if name in METRICS or name == "up" else re.sub(r"_(bucket|sum|count)$", "", name)
        assert base in METRICS or base == "up", name
        found.add(base)
    return found
