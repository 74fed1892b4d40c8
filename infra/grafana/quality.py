"""How good transcripts are, as far as they tell themselves."""

from __future__ import annotations

from infra.grafana.board import Board, Line, Panel
from infra.grafana.promql import increase, mean, quantile, rate
from polyvox import metrics


def _share(of: str, all_: str) -> str:
    return f"{of} / {all_}"


BOARD = Board(
    "quality",
    "quality",
    "Coverage, words that nobody said, confidence, languages, speakers.",
    (
        Panel(
            "Speech with words",
            "Share of the speech heard, by class of tenants.",
            (
                Line(
                    _share(rate(metrics.SPEECH_COVERED, "tenant_class"), rate(metrics.SPEECH, "tenant_class")),
                    "{{tenant_class}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Words that look made up",
            "Share of all words, by class of tenants, those that transcripts leave out included.",
            (
                Line(
                    _share(rate(metrics.SUSPECT_WORDS, "tenant_class"), rate(metrics.WORDS, "tenant_class")),
                    "{{tenant_class}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Coverage gaps",
            "Each hour: stretches of speech without words.",
            (Line(increase(metrics.COVERAGE_GAPS, "tenant_class", window="1h"), "{{tenant_class}}"),),
        ),
        Panel(
            "Time in coverage gaps",
            "Seconds of speech without words, each hour.",
            (Line(increase(metrics.COVERAGE_GAP_TIME, "tenant_class", window="1h"), "{{tenant_class}}"),),
            unit="s",
        ),
        Panel(
            "Second attempts, last 24 h",
            "At stretches of speech that lacked words: what they found.",
            (Line(increase(metrics.RETAKES, "outcome"), "{{outcome}}"),),
            needs="speech without words",
            kind="bargauge",
        ),
        Panel(
            "Confidence",
            "Mean probability of a transcript's words: the least sure 5 %, the middle.",
            (
                Line(quantile(0.05, metrics.CONFIDENCE), "5 %"),
                Line(quantile(0.5, metrics.CONFIDENCE), "50 %"),
            ),
            unit="percentunit",
        ),
        Panel(
            "Languages, last 24 h",
            "Transcripts by language.",
            (Line(increase(metrics.LANGUAGES, "language"), "{{language}}"),),
            kind="bargauge",
        ),
        Panel(
            "Speakers",
            "Mean of the transcripts that have any.",
            (Line(mean(metrics.SPEAKERS, "tenant_class"), "{{tenant_class}}"),),
        ),
        Panel(
            "Published without a stage, last 24 h",
            "Transcripts whose speakers or some of whose parts failed.",
            (Line(increase(metrics.WITHOUT_STAGE, "stage"), "{{stage}}"),),
            kind="bargauge",
        ),
    ),
)
