"""Dashboards as values, and the JSON that Grafana reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataSourceRef

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As infra/grafana/provisioning/datasources/prometheus.yml names it."""
REFRESH = "10s"
COLUMNS = 24

Kind = Literal["timeseries", "stat", "bargauge"]


@dataclass(frozen=True, slots=True)
class Line:
    """One query; ``legend`` may have labels in double braces."""

    query: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """``unit`` is one of Grafana's. ``needs`` says what must be there for the panel to show anything."""

    title: str
    description: str
    lines: tuple[Line, ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 12
    height: int = 8
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; its file and address are made of ``name``."""

    name: str
    title: str
    description: str
    panels: tuple[Panel, ...]

    @property
    def uid(self) -> str:
        return f"polyvox-{self.name}"


def json_of(board: Board) -> str:
    """The text of a dashboard's file."""
    built = (
        dashboard.Dashboard(f"Polyvox: {board.title}")
        .uid(board.uid)
        .description(board.description)
        .tags(["polyvox"])
        .timezone("browser")
        .refresh(REFRESH)
        .time("now-1h", "now")
        .readonly()
        .link(
            dashboard.DashboardLink("Polyvox")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["polyvox"])
            .as_dropdown(True)
            .keep_time(True)
        )
    )
    for number, panel in enumerate(board.panels, start=1):
        built = built.with_panel(_built(panel).id(number))
    return str(JSONEncoder(sort_keys=True, indent=2).encode(built.build())) + "\n"


def _built(panel: Panel) -> timeseries.Panel | stat.Panel | bargauge.Panel:
    made: timeseries.Panel | stat.Panel | bargauge.Panel
    match panel.kind:
        case "timeseries":
            made = (
                timeseries.Panel()
                .fill_opacity(10)
                .legend(
                    common.VizLegendOptions()
                    .display_mode(LegendDisplayMode.LIST)
                    .placement(LegendPlacement.BOTTOM)
                    .show_legend(True)
                )
                .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
            )
        case "stat":
            made = stat.Panel()
        case "bargauge":
            made = bargauge.Panel()
    made = made.title(panel.title).description(panel.description).unit(panel.unit).datasource(SOURCE)
    made = made.span(panel.width).height(panel.height)
    if panel.kind != "stat":
        made = made.min(0)
    for letter, line in zip("ABCDEFGH", panel.lines, strict=False):
        target = prometheus.Dataquery().expr(line.query).legend_format(line.legend).ref_id(letter).datasource(SOURCE)
        made = made.with_target(target if panel.kind == "timeseries" else target.instant())
    return made
