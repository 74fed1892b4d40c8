"""The services of this package, as the entry points in pyproject.toml name them."""

from __future__ import annotations

from ingest import normaliser
from ingest.upload import api
from polyvox.service import Service

API = Service(name="ingest-api", http=api.router, work=api.sweep)
NORMALISER = Service(name=normaliser.NAME, work=normaliser.work)
