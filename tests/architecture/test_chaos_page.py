"""docs/chaos.md describes every fault and gives its figures."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.faults import catalogue

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "chaos.md").read_text()
ROWS = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]


def test_every_fault_is_described_and_has_figures() -> None:
    for fault in catalogue.ALL:
        assert f"| `{fault.name}` | {fault.meaning} |" in PAGE, f"docs/chaos.md does not describe {fault.name}"
        assert fault.name in ROWS, f"docs/chaos.md has no figures of {fault.name}"
