"""Panels of the engine elsewhere: what is sent to its endpoint, and what comes of it."""

from __future__ import annotations

from infra.grafana.board import Line, Panel
from infra.grafana.promql import increase, now, rate
from polyvox import metrics

NEEDS = "the engine openai"

PANELS = (
    Panel(
        "Audio sent elsewhere, last 24 h",
        "What the endpoint of the engine openai is paid for, by model and class of tenants.",
        (Line(increase(metrics.REMOTE_AUDIO, "model", "tenant_class"), "{{model}} {{tenant_class}}"),),
        kind="bargauge",
        unit="s",
        needs=NEEDS,
    ),
    Panel(
        "Requests to the endpoint elsewhere",
        "Each second, by what came of them.",
        (Line(rate(metrics.REMOTE_REQUESTS, "outcome"), "{{outcome}}"),),
        unit="reqps",
        needs=NEEDS,
    ),
    Panel(
        "Transcribers that overflow",
        "They send parts elsewhere because too much audio waits here.",
        (Line(now(metrics.OVERFLOWING), "transcribers"),),
    ),
)
