"""Nothing goes for good because nobody was there to say no."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from polyvox.cli.delete import command
from polyvox.errors import Invalid


def test_what_nobody_agreed_to_is_not_deleted() -> None:
    runner = CliRunner(env={"POLYVOX_SERVER": "http://127.0.0.1:9"})
    refused = runner.invoke(command, ["some-id"], input="n\n")
    assert (refused.exit_code, "Nothing was deleted" in refused.output) == (1, True)
    silent = runner.invoke(command, ["some-id"], input="")
    assert isinstance(silent.exception, Invalid)
    assert "--yes" in str(silent.exception)


@pytest.mark.parametrize("answer", ["y\n", "yes\n"])
def test_who_agrees_is_obeyed(answer: str) -> None:
    asked = CliRunner(env={"POLYVOX_SERVER": "http://127.0.0.1:9"}).invoke(command, ["some-id"], input=answer)
    assert "no answer from http://127.0.0.1:9" in str(asked.exception)
