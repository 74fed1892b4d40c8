"""The service of this package, as the entry point in pyproject.toml names it."""

from __future__ import annotations

from ingest.upload import routes
from ingest.upload.intake import Intake
from polyvox.service import Service

API = Service(name="ingest-api", http=lambda runtime: routes.router(Intake(runtime)), work=routes.sweep)
