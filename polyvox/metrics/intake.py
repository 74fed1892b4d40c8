"""What comes in: uploads, objects of watched buckets, and what sweeps put in order behind them."""

from __future__ import annotations

from polyvox.metrics.metric import SECONDS, Metric

UPLOADS = Metric(
    "polyvox_uploads_total",
    "counter",
    "requests",
    ("outcome",),
    "Upload requests: accepted, replayed (a retry of an accepted one), or the code of the refusal or failure.",
)
UPLOADED_BYTES = Metric(
    "polyvox_uploaded_bytes_total",
    "counter",
    "bytes",
    ("lane", "tenant_class"),
    "Bytes of accepted recordings.",
)
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
    SECONDS,
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
SWEEP_REPAIRS = Metric(
    "polyvox_sweep_repairs_total",
    "counter",
    "objects",
    ("sweep", "repair"),
    "What sweeps put in order after a crash: of uploads announced, removed, forgotten-key and expired, of buckets "
    "finished, of results published, deleted, audio-removed and without-speakers (which waited too long for them).",
)
ORPHANS = Metric(
    "polyvox_orphan_objects",
    "gauge",
    "objects",
    ("sweep", "kind"),
    "What the last sweep found that belongs to nothing that is under way, before it put it in order: upload and "
    "expired-upload, batch (of a bucket), plan, deletion and audio (of results).",
    together="max",
)
SWEEP_DONE = Metric(
    "polyvox_sweep_done_timestamp_seconds",
    "gauge",
    "seconds",
    ("sweep",),
    "When a sweep of uploads, buckets, results or retention last came to its end, in seconds since 1970.",
    together="max",
)

ALL = (
    UPLOADS,
    UPLOADED_BYTES,
    BUCKET_OBJECTS,
    BUCKET_NOTIFICATIONS,
    BUCKET_HELD,
    BUCKET_SWEEP_DURATION,
    BUCKET_SWEEP_LISTED,
    BUCKET_SWEEP_DONE,
    SWEEP_REPAIRS,
    ORPHANS,
    SWEEP_DONE,
)
