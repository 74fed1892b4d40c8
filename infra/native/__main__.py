"""Real servers on this machine: ``python -m infra.native fetch``."""

from __future__ import annotations

import subprocess

import click

from infra.native import debian
from infra.native.fetch import fetch as fetch_all


@click.group()
def main() -> None:
    """Fetches and runs the servers that Polyvox uses in production, without containers."""


@main.command()
def fetch() -> None:
    """Install what is missing; nothing to do when all is there."""
    try:
        fetch_all(lambda what: click.echo(f"fetching {what}"))
    except debian.Missing as error:
        raise click.ClickException(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"this did not work: {error}") from error


if __name__ == "__main__":
    main()
