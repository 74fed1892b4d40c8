"""What processes, disks and devices have left, and what the front door answers."""

from __future__ import annotations

from infra.grafana.board import Board, Line, Panel
from infra.grafana.promql import changes, increase, now, quantile, rate
from polyvox import metrics

BOARD = Board(
    "capacity",
    "capacity",
    "Processor, memory, disks, GPUs, event loops, requests, and what sweeps put in order.",
    (
        Panel(
            "Processor",
            "Cores in use by each process with its children.",
            (Line(rate(metrics.PROCESS_CPU, "process"), "{{process}}"),),
        ),
        Panel(
            "Memory",
            "Resident, of each process and of its children: those that hold models, those that decode.",
            (Line(now(metrics.PROCESS_MEMORY, "process", "part"), "{{process}} {{part}}"),),
            unit="bytes",
        ),
        Panel(
            "Room on disks",
            "Share that is free, by process and folder.",
            (
                Line(
                    f"min by (process, folder) ({metrics.DISK_FREE.name} / {metrics.DISK_SIZE.name})",
                    "{{process}} {{folder}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Work of devices",
            "Devices busy, by stage: 1 is one that never rests.",
            (Line(rate(metrics.DEVICE_TIME, "stage", "device"), "{{stage}} {{device}}"),),
        ),
        Panel(
            "GPU utilisation",
            "Share of the time in which it computed.",
            (Line(now(metrics.GPU_UTILISATION, "gpu"), "GPU {{gpu}}"),),
            unit="percentunit",
            needs="a GPU",
        ),
        Panel(
            "GPU memory",
            "In use, and all of it.",
            (
                Line(now(metrics.GPU_MEMORY_USED, "gpu"), "GPU {{gpu}}"),
                Line(now(metrics.GPU_MEMORY_SIZE, "gpu"), "GPU {{gpu}}: all"),
            ),
            unit="bytes",
            needs="a GPU",
        ),
        Panel(
            "Event loops",
            "How late they wake up, 99 %: what blocks them blocks heartbeats as well.",
            (Line(quantile(0.99, metrics.EVENT_LOOP_STALL, "process"), "{{process}}"),),
            unit="s",
        ),
        Panel(
            "Children and open files",
            "By process.",
            (
                Line(now(metrics.PROCESS_CHILDREN, "process"), "{{process}} children"),
                Line(now(metrics.PROCESS_FILES, "process"), "{{process}} files"),
            ),
        ),
        Panel(
            "Requests",
            "Each second, by route and status.",
            (Line(rate(metrics.HTTP_REQUESTS, "method", "route", "status"), "{{method}} {{route}} {{status}}"),),
            unit="reqps",
        ),
        Panel(
            "Requests not let in",
            "Each second: refused for who sent them, by reason, and sent away because there were too many.",
            (
                Line(rate(metrics.ACCESS_REFUSED, "reason"), "{{reason}}"),
                Line(rate(metrics.ACCESS_LIMITED, "by"), "too many of one {{by}}"),
            ),
            unit="reqps",
            needs="keys, and somebody without one",
        ),
        Panel(
            "Audit trail",
            "Entries each second; what is lost is lost because the log was away for too long.",
            (Line(rate(metrics.AUDIT_ENTRIES, "outcome"), "{{outcome}}"),),
            needs="keys, or a gateway that names tenants",
        ),
        Panel(
            "Time to an answer, 95 %",
            "By route, an upload's body included.",
            (Line(quantile(0.95, metrics.HTTP_DURATION, "method", "route"), "{{method}} {{route}}"),),
            unit="s",
        ),
        Panel(
            "Processes started and children replaced, last 24 h",
            "A process that starts often crashes often.",
            (
                Line(changes(metrics.PROCESS_STARTED, "process"), "{{process}} started again"),
                Line(increase(metrics.CHILD_RESTARTS, "child", "cause"), "{{child}}: {{cause}}"),
            ),
            kind="bargauge",
        ),
        Panel(
            "Put in order by sweeps, last 24 h",
            "What a crash left and a sweep finished or removed.",
            (Line(increase(metrics.SWEEP_REPAIRS, "sweep", "repair"), "{{sweep}} {{repair}}"),),
            kind="bargauge",
        ),
        Panel(
            "Left over at the last sweep",
            "What belonged to nothing under way.",
            (Line(now(metrics.ORPHANS, "sweep", "kind"), "{{sweep}} {{kind}}"),),
        ),
        Panel(
            "Sweeps: last to come to an end",
            "Seconds ago.",
            (Line(f"time() - {now(metrics.SWEEP_DONE, 'sweep')}", "{{sweep}}"),),
            unit="s",
        ),
        Panel(
            "Watched buckets",
            "Objects that wait there because of their tenants' backlog, and objects listed each second.",
            (
                Line(now(metrics.BUCKET_HELD), "held back"),
                Line(rate(metrics.BUCKET_SWEEP_LISTED), "listed"),
                Line(quantile(0.95, metrics.BUCKET_SWEEP_DURATION), "time of a sweep, 95 %"),
            ),
            needs="a watched bucket",
        ),
        Panel(
            "Watched prefixes: last full listing",
            "Seconds ago.",
            (Line(f"time() - {now(metrics.BUCKET_SWEEP_DONE, 'watch')}", "{{watch}}"),),
            unit="s",
            needs="a watched bucket",
        ),
    ),
)
