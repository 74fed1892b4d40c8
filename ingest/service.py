"""The normaliser as a service. The upload API is another, in ingest/upload/service.py: it needs no decoder."""

from __future__ import annotations

from ingest import normaliser
from polyvox.service import Service

NORMALISER = Service(name=normaliser.NAME, work=normaliser.work)
