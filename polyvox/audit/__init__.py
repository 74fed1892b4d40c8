"""The audit trail: who uploaded, read, changed and deleted, on a topic of the log (docs/security.md, ADR 21).

=========== ======================================================
recorder    notes requests and writes them, without holding up reads
trail       reads what was written
=========== ======================================================
"""
