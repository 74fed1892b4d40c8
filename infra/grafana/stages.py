"""One dashboard for each stage: what waits, how long it takes, what fails, how fast the engine is."""

from __future__ import annotations

from infra.grafana import elsewhere
from infra.grafana.board import Board, Line, Panel
from infra.grafana.promql import increase, mean, now, quantile, rate, told
from polyvox import metrics

WORKERS = {"normalise": "normaliser", "transcribe": "transcriber", "diarize": "diarizer", "merge": "projection"}
DOES = {
    "normalise": "Decoding: uploads become 16 kHz FLAC and parts.",
    "transcribe": "Words: parts become words with times.",
    "diarize": "Speakers: recordings become turns.",
    "merge": "The projection: events become views, words and turns become results.",
}


def _waiting(stage: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Audio that waits",
            "Seconds of audio, by lane.",
            (Line(told(metrics.BACKLOG_AUDIO, "lane", stage=stage), "{{lane}}"),),
            unit="s",
            width=8,
        ),
        Panel(
            "Recordings that wait",
            "Wholly or in part, by lane.",
            (Line(told(metrics.BACKLOG_RECORDINGS, "lane", stage=stage), "{{lane}}"),),
            width=8,
        ),
        Panel(
            "The oldest that waits",
            "Since when it has been here, by lane.",
            (Line(told(metrics.BACKLOG_AGE, "lane", stage=stage), "{{lane}}"),),
            unit="s",
            width=8,
        ),
    )


def _work(stage: str, worker: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Time in the stage",
            "From when the stage could begin until it was done, waiting included: 50 % and 95 %, by lane.",
            (
                Line(quantile(0.5, metrics.STAGE_LATENCY, "lane", stage=stage), "{{lane}} 50 %"),
                Line(quantile(0.95, metrics.STAGE_LATENCY, "lane", stage=stage), "{{lane}} 95 %"),
            ),
            unit="s",
        ),
        Panel(
            "Age of messages when work on them begins",
            "50 % and 99 %, by lane.",
            (
                Line(quantile(0.5, metrics.QUEUE_AGE, "lane", worker=worker), "{{lane}} 50 %"),
                Line(quantile(0.99, metrics.QUEUE_AGE, "lane", worker=worker), "{{lane}} 99 %"),
            ),
            unit="s",
        ),
        Panel(
            "Time of one attempt",
            "50 % and 95 %, failed ones included.",
            (
                Line(quantile(0.5, metrics.HANDLER_DURATION, worker=worker), "50 %"),
                Line(quantile(0.95, metrics.HANDLER_DURATION, worker=worker), "95 %"),
            ),
            unit="s",
        ),
        Panel(
            "Messages",
            "Handled each second.",
            (Line(rate(metrics.MESSAGES_HANDLED, worker=worker), "handled"),),
            unit="ops",
        ),
        Panel(
            "Attempts that failed",
            "Each second, by class of error.",
            (Line(rate(metrics.MESSAGES_FAILED, "error", worker=worker), "{{error}}"),),
            unit="ops",
            needs="trouble with database, store or log" if stage == "merge" else None,
        ),
        Panel(
            "In hand",
            "Messages being handled, and held to choose among.",
            (
                Line(now(metrics.MESSAGES_IN_FLIGHT, worker=worker), "being handled"),
                Line(now(metrics.HELD_MESSAGES, "lane", worker=worker), "held: {{lane}}"),
            ),
        ),
        Panel(
            "Not committed",
            "Messages on the log that the stage has not finished, by topic.",
            (Line(now(metrics.CONSUMER_LAG, "topic", worker=worker), "{{topic}}"),),
        ),
    )


def _failures(stage: str) -> Panel:
    return Panel(
        "Given up, last 24 h",
        "Recordings and parts that this stage could not do, by code.",
        (Line(increase(metrics.STAGE_FAILURES, "code", stage=stage), "{{code}}"),),
        kind="bargauge",
    )


def _engine(stage: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Real-time factor",
            "Seconds of audio for each second that the engine worked.",
            (
                Line(
                    f"{rate(metrics.ENGINE_AUDIO, 'engine', 'model', stage=stage)} / "
                    f"{rate(metrics.ENGINE_BUSY, 'engine', 'model', stage=stage)}",
                    "{{engine}} {{model}}",
                ),
            ),
        ),
        Panel(
            "Real-time factor of single pieces of work",
            "The slowest 5 % and the middle.",
            (
                Line(quantile(0.05, metrics.ENGINE_RTFX, "engine", stage=stage), "{{engine}} 5 %"),
                Line(quantile(0.5, metrics.ENGINE_RTFX, "engine", stage=stage), "{{engine}} 50 %"),
            ),
        ),
    )


def _model_load(stage: str) -> Panel:
    return Panel(
        "Loading of models",
        "Mean time, by model.",
        (Line(mean(metrics.MODEL_LOAD, "engine", "model", window="1h", stage=stage), "{{engine}} {{model}}"),),
        unit="s",
        needs="engines that load models",
    )


_TRANSCRIBER = (
    Panel(
        "Tokens",
        "Written each second, by engine and model.",
        (Line(rate(metrics.ENGINE_TOKENS, "engine", "model"), "{{engine}} {{model}}"),),
    ),
    Panel(
        "Batch fill",
        "Share of the encoder's places that held audio and no padding.",
        (Line(mean(metrics.BATCH_FILL, "engine"), "{{engine}}"),),
        unit="percentunit",
    ),
    Panel(
        "Hypotheses for each window",
        "1: every first one was believed.",
        (
            Line(
                f"{rate(metrics.ENGINE_DECODES, 'engine', 'model')} / "
                f"{rate(metrics.ENGINE_WINDOWS, 'engine', 'model')}",
                "{{engine}} {{model}}",
            ),
        ),
    ),
    Panel(
        "Parts",
        "Each second, by the state they came into.",
        (Line(rate(metrics.PARTS, "state"), "{{state}}"),),
        unit="ops",
    ),
)


def _panels(stage: str, worker: str) -> tuple[Panel, ...]:
    work = _work(stage, worker)
    if stage == "merge":
        return work
    work = (*work, _failures(stage))
    engine = (*_engine(stage), *((*_TRANSCRIBER, *elsewhere.PANELS) if stage == "transcribe" else ()))
    loads = () if stage == "normalise" else (_model_load(stage),)
    return (*_waiting(stage), *engine, *loads, *work)


BOARDS = tuple(
    Board(f"stage-{stage}", f"stage {stage}", DOES[stage], _panels(stage, worker)) for stage, worker in WORKERS.items()
)
