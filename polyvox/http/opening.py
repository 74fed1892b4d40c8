"""What stands between the network and the routes of this process."""

from __future__ import annotations

from fastapi import APIRouter

from polyvox.access.keyring import Keyring
from polyvox.access.known import KnownKeys
from polyvox.audit.recorder import Recorder
from polyvox.errors import Fatal
from polyvox.http import audit, keys
from polyvox.http.app import origins_of
from polyvox.http.door import Door, is_loopback
from polyvox.http.limits import Limits
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.settings import Settings

SOURCE = "/polyvox/front"


def door_of(runtime: Runtime) -> Door:
    settings = runtime.settings
    return Door(
        KnownKeys(Keyring(runtime.store, runtime.clock), runtime.clock),
        runtime.clock,
        Limits.of(settings, runtime.clock),
        gateway=settings.trust_tenant_header,
        origins=origins_of(settings.cors_origins),
    )


def recorder_of(runtime: Runtime) -> Recorder:
    return Recorder(Publisher(runtime.log, runtime.clock, SOURCE), runtime.clock, counters=process_metrics)


def administration(runtime: Runtime, door: Door, recorder: Recorder) -> list[APIRouter]:
    """Routes of every process that serves others: what lies in the store and the log is there for each."""
    return [keys.router(Keyring(runtime.store, runtime.clock), door.known), audit.router(runtime, recorder)]


async def check_reachable(settings: Settings, known: KnownKeys) -> None:
    """Recordings are never served to a network without keys.

    Raises:
        Fatal: settings say to listen where others can reach, and there is no key.
        Transient: the store of the keys is in trouble.
    """
    if not is_loopback(settings.host) and not await known.are_there_any():
        raise Fatal(
            f"there is no key, so only this machine is served, and not {settings.host}. Make one with "
            "`polyvox keys create NAME --all-tenants --scope admin`, on the same data or bucket, and start again; "
            "or listen on 127.0.0.1"
        )
