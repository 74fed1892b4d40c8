"""`polyvox weights pull|list|verify`: the models on this machine."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from polyvox import weights
from polyvox.cli.configuration import settings
from polyvox.cli.tables import print_table
from polyvox.errors import Invalid
from polyvox.settings import Settings


@click.group()
def command() -> None:
    """Pull, list and verify model weights."""


@command.command()
@click.argument("names", nargs=-1)
def pull(names: tuple[str, ...]) -> None:
    """Fetch NAMES, or what one recording needs when none is given. What is here is not fetched again."""
    found = settings()
    for name in names or weights.DEFAULT_SET:
        fetch(name, found)
        click.echo(f"{name}: {weights.folder(name, found.weights_dir)}")


@command.command(name="list")
def list_() -> None:
    """Show every model that is known, and which are here."""
    rows = []
    for model in weights.list_models(settings().weights_dir):
        size = "" if model.size_bytes is None else f"{model.size_bytes / 1e6:.0f} MB"
        rows.append((model.name, model.state, size, model.about))
    print_table(("model", "state", "size", "what for"), rows)


@command.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Hash the files of NAMES, or of every model that is here. Exit status 1 if any is damaged."""
    folder = settings().weights_dir
    here = [model.name for model in weights.list_models(folder) if model.state != "absent"]
    damaged = 0
    for name in names or here:
        try:
            weights.verify(name, folder)
        except Invalid as error:
            damaged += 1
            click.echo(str(error), err=True)
        else:
            click.echo(f"{name}: complete")
    if not (names or here):
        click.echo("no weights are here yet; run: polyvox weights pull")
    sys.exit(1 if damaged else 0)


def ensure_default_weights(settings: Settings) -> None:
    """Fetch what one recording needs; says nothing when it is all here.

    Raises:
        Transient: no source answered; the text says what was tried.
    """
    for name in weights.DEFAULT_SET:
        fetch(name, settings)


def fetch(name: str, settings: Settings) -> None:
    """Fetch one model with a progress bar on standard error (plain lines where that is no terminal)."""
    if weights.is_present(name, settings.weights_dir):
        return
    with _Bar(name, Console(stderr=True)) as bar:
        weights.pull(name, settings.weights_dir, bar.show, hf_token=settings.hf_token)


class _Bar:
    """Shows the progress of one pull."""

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._console = console
        self._last = ""
        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(),
            DownloadColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("", total=None, name=name)

    def show(self, done_bytes: int, total_bytes: int, message: str) -> None:
        self._progress.update(self._task, completed=done_bytes, total=total_bytes or None, description=message)
        if message != self._last and not self._console.is_terminal:
            self._console.print(message, highlight=False, markup=False, soft_wrap=True)
        self._last = message

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
