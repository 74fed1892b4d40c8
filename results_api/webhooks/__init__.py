"""Tells other programs over HTTP how recordings end, as the Standard Webhooks specification says."""
