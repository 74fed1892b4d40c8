"""What is promised to whoever uploads: results in time, an open door."""

from __future__ import annotations

from infra.grafana.promql import increase, rate, told
from infra.prometheus.alert import Alert, Group, Recorded
from polyvox import metrics

OBJECTIVE = 0.99
"""Share of the recordings that end within their lane's turnaround target."""
FAST, SLOW = 14.4, 3.0
"""How many times faster than allowed the late ones may come: at 14.4 a month's worth is used up in two days,
at 3 in ten (Site Reliability Workbook, chapter 5)."""
FEWEST = 10
"""Recordings that must have ended before a share of them says anything."""

WINDOWS = ("5m", "1h", "2h", "1d")


def _late(window: str) -> str:
    late, ended = (rate(one, "lane", window=window) for one in (metrics.RECORDINGS_LATE, metrics.TURNAROUND))
    return f"{late} / {ended}"


def _name(window: str) -> str:
    return f"polyvox:late:ratio_rate{window}"


def _burns(times: float, long: str, short: str) -> str:
    """Both: the long window says that it matters, the short one that it still goes on."""
    most = round(times * (1 - OBJECTIVE), 4)
    enough = f"{increase(metrics.TURNAROUND, 'lane', window=long)} >= {FEWEST}"
    return f"{_name(long)} > {most:g} and {_name(short)} > {most:g} and {enough}"


RECORDED = [Recorded(_name(window), _late(window)) for window in WINDOWS]

ALERTS = [
    Alert(
        "PolyvoxTurnaroundBurnsFast",
        _burns(FAST, "1h", "5m"),
        "2m",
        "page",
        "{{ $value | humanizePercentage }} of the last hour's {{ $labels.lane }} recordings came later than promised.",
    ),
    Alert(
        "PolyvoxTurnaroundBurnsSlowly",
        _burns(SLOW, "1d", "2h"),
        "1h",
        "ticket",
        "{{ $value | humanizePercentage }} of the last day's {{ $labels.lane }} recordings came later than promised.",
    ),
    Alert(
        "PolyvoxRecordingsOverdue",
        f"{told(metrics.RECORDINGS_OVERDUE, 'lane')} > 0",
        "15m",
        "page",
        "{{ $value }} {{ $labels.lane }} recordings should have ended by now and have not.",
    ),
    Alert(
        "PolyvoxRequestsFail",
        f"{rate(metrics.HTTP_REQUESTS, window='5m', status='5..')} / {rate(metrics.HTTP_REQUESTS, window='5m')} > 0.02",
        "5m",
        "page",
        "{{ $value | humanizePercentage }} of all requests end in a server error.",
    ),
]

GROUPS: list[Group] = [("polyvox-turnaround", RECORDED), ("polyvox-promises", ALERTS)]
