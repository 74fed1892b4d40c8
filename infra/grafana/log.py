"""The log (Kafka, or the embedded one) as its consumers see it."""

from __future__ import annotations

from infra.grafana.board import Board, Line, Panel
from infra.grafana.promql import increase, now, quantile, rate
from polyvox import metrics

BOARD = Board(
    "kafka",
    "Kafka",
    "The log as its consumers see it: lag, progress, partitions, retries, dead letters.",
    (
        Panel(
            "Lag",
            "Messages not committed, by worker and topic.",
            (Line(now(metrics.CONSUMER_LAG, "worker", "topic"), "{{worker}} {{topic}}"),),
        ),
        Panel(
            "Messages handled",
            "Each second, by worker. None while there is lag: it is stuck.",
            (Line(rate(metrics.MESSAGES_HANDLED, "worker"), "{{worker}}"),),
            unit="ops",
        ),
        Panel(
            "Standstill",
            "How long one message has kept a partition from moving on, where it is longest.",
            (Line(now(metrics.COMMIT_STANDSTILL, "worker"), "{{worker}}"),),
            unit="s",
        ),
        Panel(
            "Partitions",
            "Read by somebody, by worker and lane. 0: nobody works on that lane.",
            (Line(now(metrics.PARTITIONS_ASSIGNED, "worker", "lane"), "{{worker}} {{lane}}"),),
        ),
        Panel(
            "Age of messages when work on them begins, 99 %",
            "By worker.",
            (Line(quantile(0.99, metrics.QUEUE_AGE, "worker"), "{{worker}}"),),
            unit="s",
        ),
        Panel(
            "Held",
            "Bytes of messages that workers took and have not finished.",
            (Line(now(metrics.HELD_BYTES, "worker", "lane"), "{{worker}} {{lane}}"),),
            unit="bytes",
        ),
        Panel(
            "Tried again",
            "Attempts each second after which another one was scheduled.",
            (Line(rate(metrics.MESSAGES_RETRIED, "worker"), "{{worker}}"),),
            unit="ops",
        ),
        Panel(
            "Dead letters, last 24 h",
            "By worker and code. `polyvox dlq list` shows them, `polyvox dlq replay` puts them back.",
            (Line(increase(metrics.MESSAGES_DEAD_LETTERED, "worker", "code"), "{{worker}} {{code}}"),),
            kind="bargauge",
        ),
        Panel(
            "Bucket notifications",
            "Each second, by the way they came and what became of them.",
            (Line(rate(metrics.BUCKET_NOTIFICATIONS, "way", "outcome"), "{{way}} {{outcome}}"),),
            unit="ops",
            needs="a watched bucket",
        ),
    ),
)
