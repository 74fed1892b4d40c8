"""What is shown while files are under way."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from polyvox.cli.progress import Reporter, time_left


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4.4, "about 4 s left"), (100, "about 2 min left"), (5390, "about 90 min left"), (9000, "about 2.5 h left")],
)
def test_times_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert time_left(seconds) == said


def test_a_log_gets_one_line_for_each_file_with_its_name_as_it_is() -> None:
    out = io.StringIO()
    with Reporter(2, Console(file=out, force_terminal=False, width=40)) as reporter:
        first, second = reporter.start("a[b].wav"), reporter.start("[red]" + "x" * 60)
        first.sent(1, 2)
        first.done("out/a[b].srt")
        second.failed("no sound")
    assert out.getvalue().splitlines() == ["done a[b].wav: out/a[b].srt", f"failed [red]{'x' * 60}: no sound"]
