"""Recordings from watched prefixes of buckets: objects that any S3 tool puts there, taken by reference.

========== =======================================================================
watches    which prefixes are watched, for whom, with which options
notices    bucket notifications of MinIO and AWS, however they are wrapped
found      an object that somebody says is there
wishes     its options: from the prefix, its metadata, its tags, its sidecar
names      what it is called: the recording's id, its entry in the ledger
intake     one object: looked at, held back or taken, once and never again
batches    many at a time: noted, then on the log
ledger     the entries that say what was taken, and finishing what a crash left
held       objects that wait in their buckets because of their tenants' backlog
compare    a listing beside the ledger: what was missed
sweep      lists the watched prefixes again and again, at a price that fits
notified   reads notifications from the log
queue      carries notifications from SQS to the log
webhook    carries notifications from HTTP to the log
========== =======================================================================

docs/bulk.md says what is promised and what it costs.
"""
