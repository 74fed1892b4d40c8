"""Alerts as code: `python -m infra.prometheus` writes the rules that Compose and the chart provision."""
