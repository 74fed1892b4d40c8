"""Dashboards: provisioned where Compose mounts them, asking for metrics and labels that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.grafana import promql
from infra.grafana.board import json_of
from infra.grafana.boards import BOARDS
from polyvox.metrics import BACKLOG_AUDIO, MESSAGES_HANDLED
from tests.support.queries import METRICS, metrics_in

GRAFANA = Path(__file__).resolve().parents[2] / "infra/grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))


def panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    return found


def test_grafana_is_told_where_they_are() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/polyvox.yml").read_text())["providers"]
    compose = (GRAFANA.parents[1] / "docker-compose.yml").read_text()
    assert f"./infra/grafana/dashboards:{provider['options']['path']}:ro" in compose
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert DASHBOARDS
    for path in DASHBOARDS:
        assert {panel["datasource"]["uid"] for panel in panels(path)} == {source["uid"]}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_asks_for_metrics_and_labels_that_exist(path: Path) -> None:
    for panel in panels(path):
        for target in panel["targets"]:
            query = target["expr"]
            names = metrics_in(query)
            assert names, query
            labels = {"service", "job", "le"} if "up" in names else {"le"}
            for name in names - {"up"}:
                metric = METRICS[name]
                assert f"{name}_" not in query or metric.kind == "histogram", query
                growing = rf"(rate|increase)\({name}(_bucket|_sum|_count)?[{{[]"
                assert bool(re.search(growing, query)) == (metric.kind != "gauge"), query
                labels |= set(metric.labels)
            grouped = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
            assert grouped <= labels, query
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= grouped, query


def test_the_files_are_what_the_code_makes() -> None:
    assert {path.stem: path.read_text() for path in DASHBOARDS} == {board.name: json_of(board) for board in BOARDS}


def test_every_metric_is_shown_or_watched() -> None:
    asked = [target["expr"] for path in DASHBOARDS for panel in panels(path) for target in panel["targets"]]
    seen = set().union(*map(metrics_in, asked))
    assert METRICS.keys() - seen == set()


def test_a_query_for_what_is_not_there_is_not_made() -> None:
    with pytest.raises(ValueError, match="has no label tenant"):
        promql.rate(MESSAGES_HANDLED, "tenant")
    with pytest.raises(ValueError, match="is a gauge"):
        promql.rate(BACKLOG_AUDIO)
    with pytest.raises(ValueError, match="is a counter, not a histogram"):
        promql.quantile(0.5, MESSAGES_HANDLED)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_explain_themselves_and_do_not_overlap(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(path):
        assert panel["description"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
