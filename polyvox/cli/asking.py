"""Asks before something is done that cannot be undone."""

from __future__ import annotations

import sys

import click

from polyvox.errors import Invalid


def agreed(question: str) -> bool:
    """What is answered; the question goes to standard error.

    Raises:
        Invalid: nobody is there to answer.
    """
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise Invalid("nobody answered; give --yes where nobody can be asked") from None
