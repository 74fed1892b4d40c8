"""The services of this package, as the entry points in pyproject.toml name them."""

from __future__ import annotations

from polyvox.service import Service
from results_api.database.migrate import prepare
from results_api.http import api
from results_api.projection import projection

PROJECTION = Service(name="projection", work=projection.work, prepare=prepare)
API = Service(name="results-api", http=api.router, prepare=prepare)
