"""Shared fixtures: where the evaluation recordings are, and a clock that tests turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = [
    "tests.support.real_servers",
    "tests.support.databases",
    "tests.support.served_results",
    "tests.support.parts",
    "tests.support.scripted",
]

ROOT = Path(__file__).resolve().parent.parent
EVAL = ROOT.parent / "shared" / "eval" / "open"


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
