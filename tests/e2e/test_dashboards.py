"""Every panel and alert asks a real Prometheus, which scraped a product under load in which things went wrong."""

from __future__ import annotations

import json
from pathlib import Path

from infra.grafana.board import json_of
from infra.grafana.boards import BOARDS
from infra.grafana.promql import WINDOW
from infra.prometheus.rules import ALERTS
from tests.support.eventful_run import eventful_run

NOT_HERE = {
    *("a GPU", "a webhook", "a limit of age", "engines that load models", "trouble with database, store or log"),
    *("speech without words", "keys, and somebody without one", "the engine openai"),
}
"""What the run does not have: its engines return at once, its disk has room. Panels say so of themselves."""


async def test_every_panel_shows_something_of_a_run_with_load_and_failures(tmp_path: Path) -> None:
    empty = []
    async with eventful_run(tmp_path) as run:
        for board in BOARDS:
            panels = json.loads(json_of(board))["panels"]
            for panel, meant in zip(panels, board.panels, strict=True):
                for target in panel["targets"]:
                    seen = await run.seen(target["expr"].replace(WINDOW, "10s"))
                    if bool(seen) != (meant.needs not in NOT_HERE):
                        empty.append(f"{board.name}: {meant.title}: {target['expr']}")
        rules = await run.rules()
    assert empty == []
    assert {name: health for name, health in rules.items() if health != "ok"} == {}
    assert {alert.name for alert in ALERTS} <= rules.keys()
