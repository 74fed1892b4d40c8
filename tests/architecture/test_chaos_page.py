"""docs/chaos.md describes every fault, and hides none that has no figures."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.faults import catalogue

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "chaos.md").read_text()
ROWS = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
WITHOUT = next(line for line in PAGE.splitlines() if line.startswith("Without a row"))


def test_every_fault_is_described_and_has_figures_or_is_said_to_have_none() -> None:
    for fault in catalogue.ALL:
        assert f"| `{fault.name}` | {fault.meaning} |" in PAGE, f"docs/chaos.md does not describe {fault.name}"
        assert (fault.name in ROWS) != (f"`{fault.name}`" in WITHOUT), f"docs/chaos.md on the figures of {fault.name}"
