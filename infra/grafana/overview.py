"""Is it keeping up, when will what waits be done, does anything fail?"""

from __future__ import annotations

from infra.grafana.board import Board, Line, Panel
from infra.grafana.promql import increase, quantile, rate, told, trend
from polyvox import metrics

UP = 'sum by (service) (up{job="polyvox"})'

BOARD = Board(
    "overview",
    "overview",
    "Is it keeping up, when will what waits be done, does anything fail?",
    (
        Panel(
            "Processes that answer",
            "By service; a process that is missing here is down or cannot be scraped.",
            (Line(UP, "{{service}}"),),
            kind="stat",
            width=8,
            height=6,
        ),
        Panel(
            "Recordings that have not ended",
            "Queued until they are decoded, processing after that.",
            (Line(told(metrics.RECORDINGS, "state"), "{{state}}"),),
            kind="stat",
            width=8,
            height=6,
        ),
        Panel(
            "Overdue",
            "Recordings that have not ended although their lane's turnaround target has passed.",
            (Line(told(metrics.RECORDINGS_OVERDUE, "lane"), "{{lane}}"),),
            kind="stat",
            width=8,
            height=6,
        ),
        Panel(
            "Audio that waits",
            "Seconds of audio before each stage and lane. Growing means that workers do not keep up.",
            (Line(told(metrics.BACKLOG_AUDIO, "stage", "lane"), "{{stage}} {{lane}}"),),
            unit="s",
        ),
        Panel(
            "When it will be done",
            "What waits for a stage by what the stage has been getting through. Endless while a stage does nothing.",
            (
                Line(
                    f"{told(metrics.BACKLOG_AUDIO, 'stage')} / {rate(metrics.ENGINE_AUDIO, 'stage')}",
                    "{{stage}}",
                ),
            ),
            unit="s",
        ),
        Panel(
            "Is it keeping up?",
            "Seconds of audio by which what waits grows each second. Above 0 for long: more workers are needed.",
            (Line(trend(metrics.BACKLOG_AUDIO, "stage"), "{{stage}}"),),
        ),
        Panel(
            "Audio worked through",
            "Seconds of audio each second, by stage.",
            (Line(rate(metrics.ENGINE_AUDIO, "stage"), "{{stage}}"),),
        ),
        Panel(
            "Recordings that end",
            "Each second, by outcome.",
            (Line(rate(metrics.RECORDINGS_ENDED, "outcome"), "{{outcome}}"),),
            unit="ops",
        ),
        Panel(
            "From upload to result",
            "Half and 95 % of the recordings were faster, by lane.",
            (
                Line(quantile(0.5, metrics.TURNAROUND, "lane"), "{{lane}} 50 %"),
                Line(quantile(0.95, metrics.TURNAROUND, "lane"), "{{lane}} 95 %"),
            ),
            unit="s",
        ),
        Panel(
            "Uploads",
            "Each second, by outcome: accepted, replayed, or why refused.",
            (Line(rate(metrics.UPLOADS, "outcome"), "{{outcome}}"),),
            unit="ops",
        ),
        Panel(
            "Objects from watched buckets",
            "Each second, by what told of them and what became of them. Accepted by the sweep: notifications failed.",
            (Line(rate(metrics.BUCKET_OBJECTS, "source", "outcome"), "{{source}} {{outcome}}"),),
            unit="ops",
            needs="a watched bucket",
        ),
        Panel(
            "Webhooks",
            "Attempts each second, by outcome: delivered, failed and tried again, given up, or gone for good.",
            (Line(rate(metrics.WEBHOOK_ATTEMPTS, "outcome"), "{{outcome}}"),),
            unit="ops",
            needs="a webhook",
        ),
        Panel(
            "Attempts that failed",
            "Each second, by worker and class of error.",
            (Line(rate(metrics.MESSAGES_FAILED, "worker", "error"), "{{worker}} {{error}}"),),
            unit="ops",
        ),
        Panel(
            "Given up on, last 24 h",
            "Messages on dead-letter topics, by worker and code. `polyvox dlq list` shows them.",
            (Line(increase(metrics.MESSAGES_DEAD_LETTERED, "worker", "code"), "{{worker}} {{code}}"),),
            kind="bargauge",
        ),
    ),
)
