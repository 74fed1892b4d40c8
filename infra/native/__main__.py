"""Real servers on this machine: ``python -m infra.native fetch|start|stop|status``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import psutil

from infra.native import debian, keeper
from infra.native.fetch import fetch as fetch_all

FOLDER = Path("services-data")
folder_option = click.option(
    "--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Where data and logs are."
)


@click.group()
def main() -> None:
    """Fetches and runs the servers that Polyvox uses in production, without containers."""


@main.command()
def fetch() -> None:
    """Install what is missing; nothing to do when all is there."""
    try:
        fetch_all(lambda what: click.echo(f"fetching {what}", err=True))
    except debian.Missing as error:
        raise click.ClickException(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"this did not work: {error}") from error


@main.command()
@folder_option
@click.pass_context
def start(context: click.Context, folder: Path) -> None:
    """Fetch and start all servers in the background, and print the variables that make polyvox use them."""
    context.invoke(fetch)
    try:
        keeper.start(folder)
    except keeper.KeeperError as error:
        raise click.ClickException(str(error)) from error
    variables = folder / "services.env"
    click.echo(variables.read_text(), nl=False)
    click.echo(f"# The same lines: source {variables}", err=True)


@main.command()
@folder_option
def stop(folder: Path) -> None:
    """Stop the servers; their data stay."""
    try:
        ended = keeper.stop(folder)
    except keeper.KeeperError as error:
        raise click.ClickException(str(error)) from error
    click.echo("stopped" if ended else "nothing runs", err=True)


@main.command()
@folder_option
def status(folder: Path) -> None:
    """Say what runs; fails when something is down."""
    running = keeper.status(folder)
    down = not running
    for name, server in running.items():
        lives = all(psutil.pid_exists(pid) for pid in server["pids"])
        down = down or not lives
        pids = " ".join(str(pid) for pid in server["pids"])
        click.echo(f"{name:<12}{'up' if lives else 'down':<6}{server['address']:<28}{pids}")
    if not running:
        click.echo("nothing runs", err=True)
    if down:
        raise SystemExit(1)


@main.command(hidden=True)
@folder_option
def keep(folder: Path) -> None:
    """Run the servers until SIGTERM; what start runs in the background."""
    keeper.keep(folder)


if __name__ == "__main__":
    main()
