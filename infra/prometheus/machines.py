"""Whether there is room, and whether processes live."""

from __future__ import annotations

from infra.grafana.promql import changes, increase, quantile
from infra.prometheus.alert import Alert, Group
from polyvox import metrics

LEAST = 0.1
"""Share of a disk that should be free."""
_FREE = f"min by (process, folder) ({metrics.DISK_FREE.name} / {metrics.DISK_SIZE.name}) < {LEAST:g}"
_STORE = (
    "min by (server) (minio_cluster_capacity_usable_free_bytes / minio_cluster_capacity_usable_total_bytes)"
    f" < {LEAST:g}"
)

ALERTS = [
    Alert(
        "PolyvoxDiskFull",
        f"{_FREE} or {_STORE}",
        "10m",
        "page",
        "Only {{ $value | humanizePercentage }} is free on the disk of {{ $labels.process }}{{ $labels.server }}"
        "{{ with $labels.folder }} ({{ . }}){{ end }}.",
    ),
    Alert(
        "PolyvoxDiskFills",
        f"min by (process, folder) (predict_linear({metrics.DISK_FREE.name}[6h], 86400)) < 0",
        "1h",
        "ticket",
        "At the pace of the last hours the disk of {{ $labels.process }} ({{ $labels.folder }}) is full in a day.",
    ),
    Alert(
        "PolyvoxProcessDown",
        'up{job="polyvox"} == 0',
        "5m",
        "page",
        "The {{ $labels.service }} at {{ $labels.instance }} does not answer.",
    ),
    Alert(
        "PolyvoxProcessRestarts",
        f"{changes(metrics.PROCESS_STARTED, 'process', window='30m')} > 3",
        "0m",
        "ticket",
        "{{ $labels.process }} was started again {{ $value }} times within half an hour.",
    ),
    Alert(
        "PolyvoxChildrenCrash",
        f"{increase(metrics.CHILD_RESTARTS, 'child', window='30m')} > 5",
        "0m",
        "ticket",
        "{{ $value | humanize }} children of the kind {{ $labels.child }} were given up within half an hour.",
    ),
    Alert(
        "PolyvoxEventLoopBlocked",
        f"{quantile(0.99, metrics.EVENT_LOOP_STALL, 'process', window='5m')} > 2",
        "10m",
        "ticket",
        "The event loop of {{ $labels.process }} wakes up {{ $value | humanizeDuration }} late.",
    ),
]

GROUPS: list[Group] = [("polyvox-machines", ALERTS)]
