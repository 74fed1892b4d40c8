"""The service of this package, as the entry point in pyproject.toml names it."""

from __future__ import annotations

from ingest.upload import api
from polyvox.service import Service

API = Service(name="ingest-api", http=api.router, work=api.sweep)
