"""The service of this package, as the entry point in pyproject.toml names it."""

from __future__ import annotations

from polyvox.service import Service
from results_api.database.migrate import prepare
from results_api.projection.projection import NAME
from results_api.projection.work import work

PROJECTION = Service(name=NAME, work=work, prepare=prepare)
