"""What the projection knows of recordings: what waits, what ended, how long it took."""

from __future__ import annotations

from polyvox.metrics.metric import LONG_SECONDS, Metric

BACKLOG_AUDIO = Metric(
    "polyvox_backlog_audio_seconds",
    "gauge",
    "seconds",
    ("stage", "lane", "tenant_class"),
    "Audio that waits for a stage: normalise (estimated from bytes), transcribe or diarize.",
)
BACKLOG_RECORDINGS = Metric(
    "polyvox_backlog_recordings",
    "gauge",
    "recordings",
    ("stage", "lane", "tenant_class"),
    "Recordings that wait for a stage, wholly or in part.",
)
BACKLOG_AGE = Metric(
    "polyvox_backlog_age_seconds",
    "gauge",
    "seconds",
    ("stage", "lane", "tenant_class"),
    "Since when the recording that waits longest for a stage has been here.",
    together="max",
)
RECORDINGS = Metric(
    "polyvox_recordings",
    "gauge",
    "recordings",
    ("state", "lane", "tenant_class"),
    "Recordings that have not ended: queued until they are decoded, processing after that.",
)
RECORDINGS_OVERDUE = Metric(
    "polyvox_recordings_overdue",
    "gauge",
    "recordings",
    ("lane", "tenant_class"),
    "Recordings that have not ended although their lane's turnaround target has passed.",
)
RECORDINGS_ENDED = Metric(
    "polyvox_recordings_ended_total",
    "counter",
    "recordings",
    ("outcome", "lane", "tenant_class"),
    "Recordings that ended for the first time: completed or failed.",
)
RECORDINGS_LATE = Metric(
    "polyvox_recordings_late_total",
    "counter",
    "recordings",
    ("lane", "tenant_class"),
    "Of the recordings that ended, those that took longer than their lane's turnaround target.",
)
TURNAROUND = Metric(
    "polyvox_turnaround_seconds",
    "histogram",
    "seconds",
    ("lane", "tenant_class"),
    "From a recording's upload until its first result, or failure, was published.",
    LONG_SECONDS,
)
STAGE_LATENCY = Metric(
    "polyvox_stage_latency_seconds",
    "histogram",
    "seconds",
    ("stage", "lane"),
    "From when a stage could begin until it said it was done, waiting included; of transcribe, for each part.",
    LONG_SECONDS,
)
PARTS = Metric(
    "polyvox_parts_total",
    "counter",
    "parts",
    ("state", "lane"),
    "Parts that came into a state: ready, transcribed, failed. What is ready and neither of the others waits.",
)
STAGE_FAILURES = Metric(
    "polyvox_stage_failures_total",
    "counter",
    "failures",
    ("stage", "code"),
    "Stages that were given up for a recording or a part, by code of the cause.",
)
AUDIO_COMPLETED = Metric(
    "polyvox_audio_completed_seconds_total",
    "counter",
    "seconds",
    ("lane", "tenant_class"),
    "Length of the recordings that were completed.",
)

WEBHOOK_ATTEMPTS = Metric(
    "polyvox_webhook_attempts_total",
    "counter",
    "requests",
    ("outcome",),
    "Attempts to tell a webhook of a recording: delivered, failed (and tried again), given-up (the last one failed), "
    "gone (the receiver wants no more, and is disabled).",
)

RETENTION_REMOVED = Metric(
    "polyvox_retention_removed_total",
    "counter",
    "recordings",
    ("what", "tenant_class"),
    "Recordings that went because of their age: their audio, or with their text all of them.",
)
RETENTION_OVERDUE = Metric(
    "polyvox_retention_overdue_seconds",
    "gauge",
    "seconds",
    ("what",),
    "By how long the oldest audio or text that the last sweep found had outstayed its tenant's limit.",
    together="max",
)

ALL = (
    BACKLOG_AUDIO,
    BACKLOG_RECORDINGS,
    BACKLOG_AGE,
    RECORDINGS,
    RECORDINGS_OVERDUE,
    RECORDINGS_ENDED,
    RECORDINGS_LATE,
    TURNAROUND,
    STAGE_LATENCY,
    PARTS,
    STAGE_FAILURES,
    AUDIO_COMPLETED,
    WEBHOOK_ATTEMPTS,
    RETENTION_REMOVED,
    RETENTION_OVERDUE,
)
