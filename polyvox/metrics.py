"""Every metric there is, with its meaning, and the sink that values go into.

Code that measures takes a ``Metrics``; without one it uses ``process_metrics()``, which
bootstrap chooses. Processes that share a data folder add up in one answer when the
environment variable ``PROMETHEUS_MULTIPROC_DIR`` names a folder they share (see
polyvox/adapters/prometheus.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

_SECONDS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 7200.0)
_QUEUE_SECONDS = (
    *(0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5),
    *(1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 43200.0),
)
_STALL_SECONDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter's name ends in ``_total``; ``buckets`` are a histogram's upper bounds, in ``unit``."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


class Metrics(Protocol):
    """Takes values. Label values are given by name, all of them, every time."""

    def add(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        """Count up."""

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Set a gauge."""

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        """Put one value into a histogram."""

    def render(self) -> bytes:
        """All values in Prometheus text format 0.0.4."""


MESSAGES_HANDLED = Metric(
    "polyvox_messages_handled_total", "counter", "messages", ("worker",), "Messages whose handler succeeded."
)
MESSAGES_FAILED = Metric(
    "polyvox_messages_failed_total",
    "counter",
    "attempts",
    ("worker", "error"),
    "Attempts at a message that raised, by class of error.",
)
MESSAGES_RETRIED = Metric(
    "polyvox_messages_retried_total",
    "counter",
    "attempts",
    ("worker",),
    "Failed attempts after which another one was scheduled.",
)
MESSAGES_DEAD_LETTERED = Metric(
    "polyvox_messages_dead_lettered_total",
    "counter",
    "messages",
    ("worker", "code"),
    "Messages put onto the worker's dead-letter topic, by code of the cause.",
)
MESSAGES_IN_FLIGHT = Metric(
    "polyvox_messages_in_flight", "gauge", "messages", ("worker",), "Messages being handled at this moment."
)
HANDLER_DURATION = Metric(
    "polyvox_handler_duration_seconds",
    "histogram",
    "seconds",
    ("worker",),
    "Wall-clock time of one attempt at a message, failed ones included.",
    _SECONDS,
)
QUEUE_AGE = Metric(
    "polyvox_queue_age_seconds",
    "histogram",
    "seconds",
    ("worker", "lane"),
    "From when a message was written to the log until a worker began to handle it; retries do not count.",
    _QUEUE_SECONDS,
)
PARTITIONS_ASSIGNED = Metric(
    "polyvox_partitions_assigned", "gauge", "partitions", ("worker",), "Partitions that a worker reads."
)
CONSUMER_LAG = Metric(
    "polyvox_consumer_lag",
    "gauge",
    "messages",
    ("worker", "topic"),
    "Messages not committed yet in the partitions that a worker reads; all of a group's workers add up to its lag.",
)
EVENT_LOOP_STALL = Metric(
    "polyvox_event_loop_stall_seconds",
    "histogram",
    "seconds",
    ("worker",),
    "How late the event loop of a worker woke up from a short sleep.",
    _STALL_SECONDS,
)
CHILD_RESTARTS = Metric(
    "polyvox_child_restarts_total",
    "counter",
    "processes",
    ("child", "cause"),
    "Child processes that were given up and will be replaced, by cause.",
)
UPLOADS = Metric(
    "polyvox_uploads_total",
    "counter",
    "requests",
    ("outcome",),
    "Upload requests: accepted, replayed (a retry of an accepted one), or the code of the refusal or failure.",
)
BACKLOG_AUDIO = Metric(
    "polyvox_backlog_audio_seconds",
    "gauge",
    "seconds",
    ("stage", "lane"),
    "Audio that waits for a stage: normalise (estimated from bytes), transcribe or diarize.",
)
BACKLOG_RECORDINGS = Metric(
    "polyvox_backlog_recordings",
    "gauge",
    "recordings",
    ("stage", "lane"),
    "Recordings that wait for a stage, wholly or in part.",
)
HELD_MESSAGES = Metric(
    "polyvox_held_messages",
    "gauge",
    "messages",
    ("worker", "lane"),
    "Messages that a worker took from the log and has not finished: what it chooses among.",
)
HELD_BYTES = Metric("polyvox_held_bytes", "gauge", "bytes", ("worker", "lane"), "Bytes of the messages held.")
UPLOADED_BYTES = Metric("polyvox_uploaded_bytes_total", "counter", "bytes", (), "Bytes of accepted recordings.")
BUCKET_OBJECTS = Metric(
    "polyvox_bucket_objects_total",
    "counter",
    "objects",
    ("source", "outcome"),
    "Objects of watched buckets by what told of them (log, held, sweep) and what became of them: accepted, refused "
    "(a recording that fails with a reason), repeat, held, ignored, sidecar, gone. Accepted by the sweep means that "
    "notifications missed them.",
)
BUCKET_NOTIFICATIONS = Metric(
    "polyvox_bucket_notifications_total",
    "counter",
    "messages",
    ("way", "outcome"),
    "Messages with bucket notifications by the way they came (webhook, sqs, log): taken, or the code of why not.",
)
BUCKET_HELD = Metric(
    "polyvox_bucket_held_objects",
    "gauge",
    "objects",
    (),
    "Objects that wait in their buckets because of their tenants' backlog, as far as this process remembers them.",
)
BUCKET_SWEEP_DURATION = Metric(
    "polyvox_bucket_sweep_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Wall-clock time to list one watched prefix and take in what was missed.",
    _SECONDS,
)
BUCKET_SWEEP_LISTED = Metric(
    "polyvox_bucket_sweep_listed_total", "counter", "objects", (), "Objects that sweeps of watched prefixes listed."
)
BUCKET_SWEEP_DONE = Metric(
    "polyvox_bucket_sweep_done_timestamp_seconds",
    "gauge",
    "seconds",
    ("watch",),
    "When a watched prefix was last listed to its end, in seconds since 1970.",
)

CATALOGUE = (
    MESSAGES_HANDLED,
    MESSAGES_FAILED,
    MESSAGES_RETRIED,
    MESSAGES_DEAD_LETTERED,
    MESSAGES_IN_FLIGHT,
    HANDLER_DURATION,
    QUEUE_AGE,
    PARTITIONS_ASSIGNED,
    CONSUMER_LAG,
    EVENT_LOOP_STALL,
    HELD_MESSAGES,
    HELD_BYTES,
    BACKLOG_AUDIO,
    BACKLOG_RECORDINGS,
    CHILD_RESTARTS,
    UPLOADS,
    UPLOADED_BYTES,
    BUCKET_OBJECTS,
    BUCKET_NOTIFICATIONS,
    BUCKET_HELD,
    BUCKET_SWEEP_DURATION,
    BUCKET_SWEEP_LISTED,
    BUCKET_SWEEP_DONE,
)


class NoMetrics:
    """Lets everything fall: for processes that nobody measures."""

    def add(self, metric: Metric, amount: float = 1.0, /, **labels: str) -> None:
        return

    def set(self, metric: Metric, value: float, /, **labels: str) -> None:
        return

    def observe(self, metric: Metric, value: float, /, **labels: str) -> None:
        return

    def render(self) -> bytes:
        return b""


@dataclass(slots=True)
class _Process:
    metrics: Metrics


_PROCESS = _Process(NoMetrics())


def use(metrics: Metrics) -> None:
    """Make ``metrics`` those of this process; bootstrap does so before anything is measured."""
    _PROCESS.metrics = metrics


def process_metrics() -> Metrics:
    """The metrics of this process, for code that was given no others."""
    return _PROCESS.metrics
