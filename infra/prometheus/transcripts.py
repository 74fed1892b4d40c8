"""Whether transcripts are what was said."""

from __future__ import annotations

from infra.grafana.promql import increase
from infra.prometheus.alert import Alert, Group
from polyvox import metrics

ENOUGH_SPEECH_S = 600
"""Heard within the hour, before a share of it says anything."""
ENOUGH_WORDS = 1000

_SPEECH, _GAPS = (increase(metric, window="1h") for metric in (metrics.SPEECH, metrics.COVERAGE_GAP_TIME))
_WORDS, _SUSPECT = (increase(metric, window="1h") for metric in (metrics.WORDS, metrics.SUSPECT_WORDS))

ALERTS = [
    Alert(
        "PolyvoxCoverageGaps",
        f"{_GAPS} / {_SPEECH} > 0.02 and {_SPEECH} > {ENOUGH_SPEECH_S}",
        "15m",
        "ticket",
        "{{ $value | humanizePercentage }} of the speech of the last hour has no words.",
    ),
    Alert(
        "PolyvoxSuspectWords",
        f"{_SUSPECT} / {_WORDS} > 0.02 and {_WORDS} > {ENOUGH_WORDS}",
        "15m",
        "ticket",
        "{{ $value | humanizePercentage }} of the words of the last hour stand where nobody speaks.",
    ),
]

GROUPS: list[Group] = [("polyvox-transcripts", ALERTS)]
