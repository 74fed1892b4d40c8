"""Which server a command talks to is said in one place for all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import click
from click.testing import CliRunner

from polyvox.cli.__main__ import COMMANDS
from polyvox.cli.servers import ENVIRONMENT, server_if_any, server_option, servers_option

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


def test_an_address_may_leave_out_http() -> None:
    found: list[str | None] = []

    @click.command()
    @server_option
    def of_one(server: str) -> None:
        found.append(server)

    @click.command()
    @servers_option
    def of_several(servers: list[str]) -> None:
        found.extend(servers)

    @click.command()
    @server_if_any
    def of_one_or_none(server: str | None) -> None:
        found.append(server)

    runner = CliRunner(env={ENVIRONMENT: "box:8484"})
    for command, arguments in (
        (of_one, []),
        (of_one, ["--server", "https://polyvox.example"]),
        (of_several, ["--server", "a:1", "--server", "http://b:2"]),
        (of_several, []),
        (of_one_or_none, []),
    ):
        assert runner.invoke(command, arguments).exit_code == 0
    assert found == [
        "http://box:8484",
        "https://polyvox.example",
        *("http://a:1", "http://b:2"),
        "http://box:8484",
        "http://box:8484",
    ]
    assert CliRunner().invoke(of_one_or_none, []).exit_code == 0
    assert found[-1] is None
