"""Rules about the tree itself: files stay small, documents point at what exists."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from polyvox.bootstrap import GROUP, load_service
from polyvox.service import Service

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("polyvox", "ingest", "transcriber", "diarizer", "results_api", "infra")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "infra" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
MAX_LINES = 300
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES, "split it, or give the reason in an ADR"


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "begin it with a docstring"


@pytest.mark.parametrize("path", DOCUMENTS, ids=_id)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), f"{target} does not exist"


def test_files_named_in_the_tour_exist() -> None:
    tour = (ROOT / "docs" / "tour.md").read_text()
    named = set(re.findall(r"`((?:polyvox|ingest|transcriber|diarizer|results_api|tests)/[\w/.-]+)`", tour))
    assert len(named) >= 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", sorted(point.name for point in entry_points(group=GROUP)))
def test_every_declared_service_loads(name: str) -> None:
    service = load_service(name)
    assert isinstance(service, Service)
    assert service.name == name


def test_every_declared_service_is_run_by_the_supervisor() -> None:
    from polyvox.supervisor import PROCESSES

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    assert sorted(name for process in PROCESSES for name in process.services) == sorted(declared)


def test_versions_are_pinned_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.match(r"[a-z0-9._-]+==\S+( ; .+)?$", line) for line in lines)
    assert {"torch==2.11.0", "torchaudio==2.11.0"} <= set(lines)
