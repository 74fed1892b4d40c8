"""All dashboards."""

from __future__ import annotations

from infra.grafana import capacity, log, overview, quality, stages, tenants

BOARDS = (overview.BOARD, *stages.BOARDS, quality.BOARD, tenants.BOARD, log.BOARD, capacity.BOARD)
