"""Tables on standard output: fitted to a terminal, never cut where a program reads them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

WIDE = 10_000


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first column is never cut; the last takes what is left of the line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads):
        table.add_column(head, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())
