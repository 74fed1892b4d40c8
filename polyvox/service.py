"""What a service hands to the process that runs it, and what it gets.

A service package declares its services as entry points of the group ``polyvox.services``
(see pyproject.toml), so that one process can host several without ``polyvox`` importing any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polyvox.errors import Fatal
from polyvox.ports import Clock, EventLog, MessageQueue, ObjectStore
from polyvox.settings import Settings

if TYPE_CHECKING:
    from fastapi import APIRouter


Check = Callable[[], Awaitable[None]]
"""Raises when what it asks is in trouble."""


def _no_other_bucket(name: str) -> ObjectStore:
    raise Fatal(f"this process has no access to the bucket {name}")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the world offers to a service. ``stopping`` is set when the process should end."""

    settings: Settings
    log: EventLog
    store: ObjectStore
    clock: Clock
    member: str
    """Name of this process within its consumer groups; the same after a restart."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    bucket: Callable[[str], ObjectStore] = _no_other_bucket
    """Another bucket of the same store, by name; closed with the rest."""
    queues: tuple[MessageQueue, ...] = ()
    """Where bucket notifications come from besides the log; opened by their first use."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service. ``http`` gives its routes, ``work`` runs until ``runtime.stopping`` is set.

    ``prepare`` runs once before either, for example to migrate a database. ``checks`` are what
    ``/ready`` asks by name, besides log and store.
    """

    name: str
    http: Callable[[Runtime], APIRouter] | None = None
    work: Callable[[Runtime], Coroutine[Any, Any, None]] | None = None
    prepare: Callable[[Runtime], Coroutine[Any, Any, None]] | None = None
    checks: Callable[[Runtime], Mapping[str, Check]] | None = None
