"""Who was not let in, who came too often, and what the audit trail holds."""

from __future__ import annotations

from polyvox.metrics.metric import Metric

ACCESS_REFUSED = Metric(
    "polyvox_access_refused_total",
    "counter",
    "requests",
    ("reason",),
    "Requests refused for who sent them: no-key, bad-key, revoked, expired, scope, tenant, not-local, undeclared; "
    "too-large: a body beyond what its route takes.",
)
ACCESS_LIMITED = Metric(
    "polyvox_access_limited_total",
    "counter",
    "requests",
    ("by",),
    "Requests sent away because there were too many: of one key, of one tenant, or of one address with keys that are "
    "none (address).",
)
AUDIT_ENTRIES = Metric(
    "polyvox_audit_entries_total",
    "counter",
    "entries",
    ("outcome",),
    "Entries of the audit trail: written, or lost because the log was away for too long and too many waited.",
)

ALL = (ACCESS_REFUSED, ACCESS_LIMITED, AUDIT_ENTRIES)
