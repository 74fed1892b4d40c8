"""Keeps an Admission up to date with what the projection tells about each tenant's backlog."""

from __future__ import annotations

from typing import Any

from ingest.admission import Admission
from polyvox import following
from polyvox.contracts import TenantBacklog
from polyvox.following import EVERY_S
from polyvox.ports import EventLog
from polyvox.service import Runtime

__all__ = ["EVERY_S", "Follower", "follow"]


class Follower(following.Follower):
    """Tells ``admission`` what it reads."""

    def __init__(self, event_log: EventLog, admission: Admission) -> None:
        def hear(told: Any) -> None:
            if isinstance(told, TenantBacklog):
                admission.heard(told)

        super().__init__(event_log, TenantBacklog.TOPIC, hear)


async def follow(runtime: Runtime, admission: Admission) -> None:
    """Follow until the runtime stops; while the log is away the last known state stands."""
    await following.follow(runtime, Follower(runtime.log, admission), what="the backlog of tenants")
