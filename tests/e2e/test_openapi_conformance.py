"""The API, asked by schemathesis what its OpenAPI document says can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.running import examine

SEED = "1"
EXAMPLES = "4"
"""Of each operation and each phase: those that take a minute. `make conformance` looks further, and at every edge."""


@pytest.mark.timeout(600)
async def test_all_routes_answer_as_the_document_says(tmp_path: Path) -> None:
    """Examples made from the document, and sequences of requests that go on with what the one before made."""
    arguments = ["--phases", "fuzzing,stateful", "--max-examples", EXAMPLES, "--seed", SEED]
    outcome = await examine(tmp_path, [*arguments, "--no-color", "--max-failures", "10"])
    assert outcome.is_clean, outcome.said
