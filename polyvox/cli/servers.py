"""The server that a command talks to."""

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
        envvar=ENVIRONMENT,
        show_default=True,
        show_envvar=True,
        help="Address of a running server.",
    )
    return option(key_option(command))


def connected(server: str) -> Client:
    return Client(server, api_key=given_key())


def connected_async(server: str) -> AsyncClient:
    return AsyncClient(server, api_key=given_key())
