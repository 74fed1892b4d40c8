"""The API, asked by schemathesis what its OpenAPI document says can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.running import examine

SEED = "1"
ROUTES = "^/v1/(uploads|tus|search|media/)"
"""Those that take a moment each; the long run asks all."""


@pytest.mark.timeout(600)
async def test_routes_answer_as_the_document_says(tmp_path: Path) -> None:
    """The edges of every parameter and body. `python -m tests.conformance` looks further, for as long as it may."""
    outcome = await examine(
        tmp_path,
        ["--phases", "coverage", "--include-path-regex", ROUTES, "--seed", SEED, "--no-color", "--max-failures", "10"],
    )
    assert outcome.is_clean, outcome.said
