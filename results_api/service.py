"""The services of this package, as the entry points in pyproject.toml name them."""

from __future__ import annotations

from polyvox.service import Service
from results_api import api, projection
from results_api.migrate import prepare

PROJECTION = Service(name="projection", work=projection.work, prepare=prepare)
API = Service(name="results-api", http=api.router, prepare=prepare)
