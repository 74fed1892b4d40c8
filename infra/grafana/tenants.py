"""What classes of tenants let wait, get and cost. Settings say which tenants are of which class."""

from __future__ import annotations

from infra.grafana.board import Board, Line, Panel
from infra.grafana.promql import increase, now, quantile, rate, told
from polyvox import metrics

LANE_AND_CLASS = "{{tenant_class}} {{lane}}"

BOARD = Board(
    "tenants",
    "tenants",
    "By class of tenants (POLYVOX_TENANT_CLASSES): what waits, how long it takes, what it costs.",
    (
        Panel(
            "Audio that waits for words",
            "Seconds of audio.",
            (Line(told(metrics.BACKLOG_AUDIO, "tenant_class", "lane", stage="transcribe"), LANE_AND_CLASS),),
            unit="s",
        ),
        Panel(
            "Recordings that have not ended",
            "Queued and processing.",
            (Line(told(metrics.RECORDINGS, "tenant_class", "lane"), LANE_AND_CLASS),),
        ),
        Panel(
            "From upload to result, 95 %",
            "95 % of the recordings were faster.",
            (Line(quantile(0.95, metrics.TURNAROUND, "tenant_class", "lane"), LANE_AND_CLASS),),
            unit="s",
        ),
        Panel(
            "Later than promised",
            "Share of the recordings that took longer than their lane's turnaround target.",
            (
                Line(
                    f"{rate(metrics.RECORDINGS_LATE, 'tenant_class', 'lane')} / "
                    f"{rate(metrics.TURNAROUND, 'tenant_class', 'lane')}",
                    LANE_AND_CLASS,
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Age of messages when work on them begins, 95 %",
            "Of the transcriber: classes that share fairly wait alike.",
            (Line(quantile(0.95, metrics.QUEUE_AGE, "tenant_class", "lane", worker="transcriber"), LANE_AND_CLASS),),
            unit="s",
        ),
        Panel(
            "Overdue",
            "Recordings that have not ended although their lane's turnaround target has passed.",
            (Line(told(metrics.RECORDINGS_OVERDUE, "tenant_class", "lane"), LANE_AND_CLASS),),
        ),
        Panel(
            "Device time, last 24 h",
            "Seconds that devices worked for a class: what to bill by.",
            (Line(increase(metrics.DEVICE_TIME, "tenant_class", "device"), "{{tenant_class}} {{device}}"),),
            unit="s",
            kind="bargauge",
        ),
        Panel(
            "Audio completed, last 24 h",
            "Length of the recordings that were completed.",
            (Line(increase(metrics.AUDIO_COMPLETED, "tenant_class"), "{{tenant_class}}"),),
            unit="s",
            kind="bargauge",
        ),
        Panel(
            "Uploaded",
            "Bytes of accepted recordings, each second.",
            (Line(rate(metrics.UPLOADED_BYTES, "tenant_class", "lane"), LANE_AND_CLASS),),
            unit="Bps",
        ),
        Panel(
            "Failed, last 24 h",
            "Recordings that ended without a transcript.",
            (Line(increase(metrics.RECORDINGS_ENDED, "tenant_class", outcome="failed"), "{{tenant_class}}"),),
            kind="bargauge",
        ),
        Panel(
            "Went for its age, last 24 h",
            "Recordings whose audio or text was older than their tenants keep it.",
            (Line(increase(metrics.RETENTION_REMOVED, "what", "tenant_class"), "{{what}} {{tenant_class}}"),),
            needs="a limit of age",
            kind="bargauge",
        ),
        Panel(
            "Kept beyond its limit",
            "Of the oldest that the last sweep found; more than a sweep's ten minutes means that it falls behind.",
            (Line(now(metrics.RETENTION_OVERDUE, "what"), "{{what}}"),),
            unit="s",
            needs="a limit of age",
        ),
    ),
)
