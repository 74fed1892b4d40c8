"""What holds for all tests: shared fixtures, the order of files, and no property that fails because a core was busy."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

pytest_plugins = [
    "tests.support.real_servers",
    "tests.support.databases",
    "tests.support.served_results",
    "tests.support.parts",
    "tests.support.scripted",
    "tests.support.whole_product",
]

ROOT = Path(__file__).resolve().parent.parent
EVAL = ROOT.parent / "shared" / "eval" / "open"
SLOW_FIRST = ("chaos", "e2e", "ports", "architecture", "browser", "properties", "contracts", "unit")
"""Folders, as they are handed out when several processes share the tests: the last files to end are short ones."""
WHOLE_PRODUCT = {f"tests/e2e/test_{name}.py" for name in ("cli", "detect_language", "meaning", "openai_meaning")}
"""Files that ask ``whole_product``: one process runs them all, so that it is started once."""

# Threads of torch that wait for each other spinning take the cores from the other processes: a file of tests on small
# networks took 2 minutes beside busy ones. To be said before torch is imported; what the product starts says it, too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example took says how busy the machine was. The rest of a profile is as hypothesis has it, here or in CI.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


class Files(LoadFileScheduling):
    """A file is one process's, and so are the files that share what takes long to start."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "whole product" if file in WHOLE_PRODUCT else file


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files | None:
    return Files(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One process alone keeps to the alphabet."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: SLOW_FIRST.index(item.path.relative_to(ROOT / "tests").parts[0]))


@pytest.fixture(scope="session")
def eval_dir() -> Path:
    """Folder of real recordings with references; tests that need it skip where it is absent."""
    if not EVAL.is_dir():
        pytest.skip("the evaluation recordings (../shared/eval/open) are not on this machine")
    return EVAL


@pytest.fixture(scope="session")
def eval_manifest(eval_dir: Path) -> list[dict[str, Any]]:
    """One dict per evaluation recording; its README names the fields."""
    return [json.loads(line) for line in (eval_dir / "manifest.jsonl").read_text().splitlines() if line]
