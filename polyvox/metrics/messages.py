"""What every worker counts of the messages it takes from the log."""

from __future__ import annotations

from polyvox.metrics.metric import QUEUE_SECONDS, SECONDS, Metric

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
    SECONDS,
)
QUEUE_AGE = Metric(
    "polyvox_queue_age_seconds",
    "histogram",
    "seconds",
    ("worker", "lane", "tenant_class"),
    "From when a message was written to the log until a worker began to handle it; retries do not count.",
    QUEUE_SECONDS,
)
PARTITIONS_ASSIGNED = Metric(
    "polyvox_partitions_assigned",
    "gauge",
    "partitions",
    ("worker", "lane"),
    "Partitions that a worker reads. None of a lane: nobody works on it.",
)
CONSUMER_LAG = Metric(
    "polyvox_consumer_lag",
    "gauge",
    "messages",
    ("worker", "topic"),
    "Messages not committed yet in the partitions that a worker reads; all of a group's workers add up to its lag.",
)
COMMIT_STANDSTILL = Metric(
    "polyvox_commit_standstill_seconds",
    "gauge",
    "seconds",
    ("worker",),
    "How long the oldest unfinished message has kept a partition from moving on, of the partition where it is longest.",
    together="max",
)
HELD_MESSAGES = Metric(
    "polyvox_held_messages",
    "gauge",
    "messages",
    ("worker", "lane"),
    "Messages that a worker took from the log and has not finished: what it chooses among.",
)
HELD_BYTES = Metric("polyvox_held_bytes", "gauge", "bytes", ("worker", "lane"), "Bytes of the messages held.")

ALL = (
    MESSAGES_HANDLED,
    MESSAGES_FAILED,
    MESSAGES_RETRIED,
    MESSAGES_DEAD_LETTERED,
    MESSAGES_IN_FLIGHT,
    HANDLER_DURATION,
    QUEUE_AGE,
    PARTITIONS_ASSIGNED,
    CONSUMER_LAG,
    COMMIT_STANDSTILL,
    HELD_MESSAGES,
    HELD_BYTES,
)
