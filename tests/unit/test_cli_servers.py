"""Which server a command talks to is said in one place for all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import click

from polyvox.cli.__main__ import COMMANDS
from polyvox.cli.servers import ENVIRONMENT

WITHOUT_KEY = {"top"}
"""It asks what everybody may ask."""


def commands() -> Iterator[tuple[str, click.Command]]:
    for name in COMMANDS:
        command = importlib.import_module(f"polyvox.cli.{name}").command
        yield name, command
        if isinstance(command, click.Group):
            for sub, inner in command.commands.items():
                yield f"{name} {sub}", inner


def test_every_command_that_talks_to_a_server_reads_where_it_is_from_the_environment_and_takes_a_key() -> None:
    talking = 0
    for name, command in commands():
        options = {option: one for one in command.params for option in one.opts}
        if "--server" not in options:
            continue
        talking += 1
        assert options["--server"].envvar == ENVIRONMENT, name
        assert ("--api-key" in options) is (name not in WITHOUT_KEY), name
    assert talking >= 18
