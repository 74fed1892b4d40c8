"""The service of this package, as the entry point in pyproject.toml names it."""

from __future__ import annotations

from polyvox.service import Service
from results_api.database.check import checks
from results_api.database.migrate import prepare
from results_api.http import api
from results_api.webhooks.service import work

API = Service(name="results-api", http=api.router, work=work, prepare=prepare, checks=checks)
