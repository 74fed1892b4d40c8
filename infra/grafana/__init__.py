"""Grafana's dashboards as code: `python -m infra.grafana` writes the JSON that Compose and the chart provision."""
