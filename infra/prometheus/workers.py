"""Whether work gets done: workers that stand still, fail, or are not there."""

from __future__ import annotations

from infra.grafana.promql import increase, now, told
from infra.prometheus.alert import Alert, Group
from polyvox import metrics

LONG_WORK = "transcriber|diarizer"
"""One message may keep these busy for hours."""
LONGEST_S = 25_200
"""An hour more than the longest that one message may take them (POLYVOX_DIARIZE_TIMEOUT_S)."""
STANDSTILL_S = 3600
WORKERS = {"normaliser": "normalise", "transcriber": "transcribe", "diarizer": "diarize"}


def _by_stage(gauge: str) -> str:
    """Gives a series of a worker the label of its stage."""
    for worker, stage in WORKERS.items():
        gauge = f'label_replace({gauge}, "stage", "{stage}", "worker", "{worker}")'
    return gauge


_LAG = f"{now(metrics.CONSUMER_LAG, 'worker')} > 0"
_DONE = " ".join(
    f"unless on (worker) {increase(metric, 'worker', window='15m')} > 0"
    for metric in (metrics.MESSAGES_HANDLED, metrics.MESSAGES_DEAD_LETTERED)
)
_AT_WORK = (
    f"({now(metrics.MESSAGES_IN_FLIGHT, 'worker', worker=LONG_WORK)} > 0"
    f" and on (worker) {now(metrics.COMMIT_STANDSTILL, 'worker')} < {LONGEST_S})"
)
_READ = f"sum by (stage, lane) ({_by_stage(metrics.PARTITIONS_ASSIGNED.name)}) > 0"
_DEAD = increase(metrics.MESSAGES_DEAD_LETTERED, "worker", window="30m")
_HANDLED = increase(metrics.MESSAGES_HANDLED, "worker", window="30m")

ALERTS = [
    Alert(
        "PolyvoxConsumerStuck",
        f"{_LAG} {_DONE} unless on (worker) {_AT_WORK}",
        "5m",
        "page",
        "{{ $value }} messages wait for the {{ $labels.worker }}, which has finished none for 15 minutes.",
    ),
    Alert(
        "PolyvoxPartitionStandstill",
        f'max by (worker) ({metrics.COMMIT_STANDSTILL.name}{{worker!~"{LONG_WORK}"}}) > {STANDSTILL_S}'
        f" or max by (worker) ({metrics.COMMIT_STANDSTILL.name}) > {LONGEST_S}",
        "5m",
        "ticket",
        "One message has held up a partition of the {{ $labels.worker }} for {{ $value | humanizeDuration }}.",
    ),
    Alert(
        "PolyvoxNoWorkerForLane",
        f"{told(metrics.BACKLOG_RECORDINGS, 'stage', 'lane')} > 0 unless on (stage, lane) {_READ}",
        "5m",
        "page",
        "{{ $value }} {{ $labels.lane }} recordings wait for {{ $labels.stage }}, and nobody works on that lane.",
    ),
    Alert(
        "PolyvoxDeadLetters",
        f"{_DEAD} / ({_DEAD} + {_HANDLED}) > 0.05 and {_DEAD} >= 5",
        "5m",
        "ticket",
        "The {{ $labels.worker }} gave up on {{ $value | humanizePercentage }} of its messages in half an hour.",
    ),
    Alert(
        "PolyvoxNobodyCounts",
        f"absent({metrics.BACKLOG_RECORDINGS.name})",
        "5m",
        "page",
        "No projection tells what waits: nothing becomes a result, and other alerts are blind.",
    ),
    Alert(
        "PolyvoxOrphanObjects",
        f"{now(metrics.ORPHANS, 'sweep', 'kind')} > 0",
        "30m",
        "ticket",
        "For half an hour each sweep of {{ $labels.sweep }} has found left over: {{ $labels.kind }}, now {{ $value }}.",
    ),
    Alert(
        "PolyvoxSweepStopped",
        f"time() - {now(metrics.SWEEP_DONE, 'sweep')} > 3600",
        "5m",
        "ticket",
        "No sweep of {{ $labels.sweep }} has come to its end for {{ $value | humanizeDuration }}.",
    ),
]

GROUPS: list[Group] = [("polyvox-workers", ALERTS)]
