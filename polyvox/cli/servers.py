"""The server that a command talks to: from ``--server``, or else from the environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from polyvox.cli.credentials import given_key, key_option
from polyvox.client import AsyncClient, Client

DEFAULT_SERVER = "http://127.0.0.1:8484"
ENVIRONMENT = "POLYVOX_SERVER"

F = TypeVar("F", bound=Callable[..., Any])


def server_option(command: F) -> F:
    """Adds ``--server`` and ``--api-key``; the command makes its client with ``connected`` or ``connected_async``."""
    option = click.option(
        "--server",
        default=DEFAULT_SERVER,
        callback=_with_scheme,
        envvar=ENVIRONMENT,
        show_default=True,
        show_envvar=True,
        help="Address of a running server.",
    )
    return option(key_option(command))


def server_if_any(command: F) -> F:
    """As ``server_option``, for a command that does without a server."""
    option = click.option(
        "--server",
        callback=_with_scheme,
        envvar=ENVIRONMENT,
        show_envvar=True,
        help="Address of a running server; without it one is run for the occasion.",
    )
    return option(key_option(command))


def servers_option(command: F) -> F:
    """``--server`` any number of times, without a key: what everybody may ask."""
    return click.option(
        "--server",
        "servers",
        multiple=True,
        default=(DEFAULT_SERVER,),
        callback=_all_with_scheme,
        envvar=ENVIRONMENT,
        show_default=True,
        show_envvar=True,
        help="Address of a process that answers /metrics; once for each of a deployment, `polyvox up` needs one.",
    )(command)


def connected(server: str) -> Client:
    return Client(server, api_key=given_key())


def connected_async(server: str) -> AsyncClient:
    return AsyncClient(server, api_key=given_key())


def _with_scheme(_context: click.Context, _parameter: click.Parameter, server: str | None) -> str | None:
    return None if server is None else _address(server)


def _all_with_scheme(_context: click.Context, _parameter: click.Parameter, servers: tuple[str, ...]) -> list[str]:
    return [_address(server) for server in servers]


def _address(server: str) -> str:
    """People leave out how it is spoken to, as they do in a browser."""
    return server if "://" in server else f"http://{server}"
