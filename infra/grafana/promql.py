"""Queries, made from the catalogue of metrics: one that asks for a metric or label that is not there is not made."""

from __future__ import annotations

from polyvox.metrics import Metric

WINDOW = "$__rate_interval"
"""What Grafana makes of it follows from the time that is shown and how often Prometheus scrapes."""


def rate(metric: Metric, *by: str, window: str = WINDOW, **where: str) -> str:
    """A counter's growth a second; of a histogram, of its count."""
    return f"sum{_by(metric, by)} (rate({_growing(metric)}{_where(metric, where)}[{window}]))"


def increase(metric: Metric, *by: str, window: str = "24h", **where: str) -> str:
    """A counter's growth within a time."""
    return f"sum{_by(metric, by)} (increase({_growing(metric)}{_where(metric, where)}[{window}]))"


def now(metric: Metric, *by: str, **where: str) -> str:
    """A gauge over all processes, added up or the greatest, as its values of several processes become one."""
    _is(metric, "gauge")
    return f"{metric.together}{_by(metric, by)} ({metric.name}{_where(metric, where)})"


def told(metric: Metric, *by: str, **where: str) -> str:
    """A gauge of which one process tells at a time, all others being at 0 or left behind."""
    _is(metric, "gauge")
    one = f"max{_by(metric, metric.labels)} ({metric.name}{_where(metric, where)})"
    return one if set(by) == set(metric.labels) else f"{metric.together}{_by(metric, by)} ({one})"


def trend(metric: Metric, *by: str, window: str = "15m", **where: str) -> str:
    """What a gauge grows by in a second."""
    _is(metric, "gauge")
    return f"sum{_by(metric, by)} (deriv({metric.name}{_where(metric, where)}[{window}]))"


def changes(metric: Metric, *by: str, window: str = "24h", **where: str) -> str:
    """How often a gauge became another."""
    _is(metric, "gauge")
    return f"sum{_by(metric, by)} (changes({metric.name}{_where(metric, where)}[{window}]))"


def quantile(share: float, metric: Metric, *by: str, window: str = WINDOW, **where: str) -> str:
    """Estimated from a histogram."""
    _is(metric, "histogram")
    grouped = f" by ({', '.join([*_known(metric, by), 'le'])})"
    return f"histogram_quantile({share:g}, sum{grouped} (rate({metric.name}_bucket{_where(metric, where)}[{window}])))"


def mean(metric: Metric, *by: str, window: str = WINDOW, **where: str) -> str:
    """Of what a histogram took in."""
    _is(metric, "histogram")
    grouped, chosen = _by(metric, by), f"{_where(metric, where)}[{window}]"
    return f"sum{grouped} (rate({metric.name}_sum{chosen})) / sum{grouped} (rate({metric.name}_count{chosen}))"


def _growing(metric: Metric) -> str:
    if metric.kind == "gauge":
        raise ValueError(f"{metric.name} is a gauge: it has no rate")
    return metric.name if metric.kind == "counter" else f"{metric.name}_count"


def _is(metric: Metric, kind: str) -> None:
    if metric.kind != kind:
        raise ValueError(f"{metric.name} is a {metric.kind}, not a {kind}")


def _known(metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := set(labels) - set(metric.labels):
        raise ValueError(f"{metric.name} has no label {', '.join(sorted(unknown))}")
    return labels


def _by(metric: Metric, by: tuple[str, ...]) -> str:
    return f" by ({', '.join(_known(metric, by))})" if by else ""


def _where(metric: Metric, where: dict[str, str]) -> str:
    _known(metric, tuple(where))
    chosen = [f'{label}{_operator(value)}"{value}"' for label, value in where.items()]
    return f"{{{', '.join(chosen)}}}" if chosen else ""


def _operator(value: str) -> str:
    return "=~" if set(value) & set("|*+.") else "="
