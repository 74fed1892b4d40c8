"""The key with which a command talks to a server: from ``--api-key``, or else from the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

VARIABLE = "POLYVOX_API_KEY"
_META = "polyvox.api-key"

F = TypeVar("F", bound=Callable[..., Any])


def key_option(command: F) -> F:
    """``--api-key`` for a command; what it is, ``given_key`` tells."""
    return click.option(
        "--api-key",
        metavar="KEY",
        expose_value=False,
        callback=_note,
        help=f"Key for the server. Others on this machine can read it from here; better put it into {VARIABLE}.",
    )(command)


def given_key() -> str | None:
    """What to hand to a client; None: there is no key."""
    context = click.get_current_context(silent=True)
    given: str | None = context.meta.get(_META) if context else None
    return given or os.environ.get(VARIABLE) or None


def _note(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.meta[_META] = value
