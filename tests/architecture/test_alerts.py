"""Alerts: provisioned by Compose and by the chart, each with a runbook, firing when they should and not else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.grafana.promql import WINDOW
from infra.helm.render import VALUES, render
from infra.native import programs
from infra.prometheus.__main__ import PLACES
from infra.prometheus.alert import Recorded, text_of
from infra.prometheus.rules import ALERTS, GROUPS
from tests.support.queries import METRICS, metrics_in

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra/prometheus"
TESTS = sorted((FOLDER / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs/runbooks"
PARTS = ("## What it means", "## What to look at", "## What to do")


def promtool(*arguments: str) -> str:
    done = subprocess.run([programs.promtool(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_configuration_and_finds_the_rules() -> None:
    said = promtool("check", "config", str(FOLDER / "prometheus.yml"))
    assert "rules/polyvox.yml" in said
    assert "./infra/prometheus:/etc/prometheus:ro" in (ROOT / "docker-compose.yml").read_text()


def test_the_files_are_what_the_code_makes() -> None:
    assert [path.read_text() for path in PLACES] == [text_of(GROUPS)] * 2


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_not_else(path: Path) -> None:
    promtool("test", "rules", str(path))


def test_every_alert_is_tested_both_ways() -> None:
    tried: dict[str, set[bool]] = {alert.name: set() for alert in ALERTS}
    for path in TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for rule in case["alert_rule_test"]:
                tried[rule["alertname"]].add(bool(rule["exp_alerts"]))
    assert {name for name, ways in tried.items() if len(ways) < 2} == set()


def test_queries_ask_for_metrics_that_exist() -> None:
    for _, rules in GROUPS:
        for rule in rules:
            assert metrics_in(rule.query) <= METRICS.keys() | {"up"}
            assert WINDOW not in rule.query
            recorded = set(re.findall(r"polyvox:[\w:]+", rule.query))
            assert recorded <= {one.name for _, others in GROUPS for one in others if isinstance(one, Recorded)}


def test_every_alert_has_a_runbook_that_says_what_to_do() -> None:
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert pages == {alert.page for alert in ALERTS}
    index = (RUNBOOKS / "README.md").read_text()
    for alert in ALERTS:
        text = (RUNBOOKS / alert.page).read_text()
        assert text.startswith(f"# {alert.name}\n")
        assert [part for part in PARTS if part not in text] == []
        assert f"[{alert.name}]({alert.page})" in index


def test_the_chart_brings_the_same_rules() -> None:
    objects = render(VALUES / "aws.yaml")
    (rule,) = [one for one in objects if one["kind"] == "PrometheusRule"]
    assert rule["spec"] == yaml.safe_load(text_of(GROUPS))
    (monitor,) = [one for one in objects if one["kind"] == "ServiceMonitor"]
    assert monitor["spec"]["jobLabel"] == "app.kubernetes.io/name"
