"""How much work of a tenant waits. A state, not a happening: the newest message of a tenant counts."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Contract, Event, Lane


class LaneBacklog(Contract):
    """Recordings of one lane that have not ended."""

    recordings: int = 0
    audio_s: float = 0.0
    """Seconds of them that wait for their words; estimated from bytes until a recording is decoded."""
    counted_to: datetime | None = None
    """When the newest of them was uploaded: what was accepted later is not counted in."""


class TenantBacklog(Event):
    TYPE: ClassVar[str] = "polyvox.tenant-backlog.v1"
    TOPIC: ClassVar[str] = "tenant-backlog"

    tenant: str
    as_of: datetime
    interactive: LaneBacklog = LaneBacklog()
    bulk: LaneBacklog = LaneBacklog()

    def identity(self) -> tuple[str, ...]:
        return (self.tenant, self.as_of.isoformat())

    def key(self) -> str:
        return self.tenant

    @property
    def subject(self) -> str:
        return self.tenant

    def of(self, lane: Lane) -> LaneBacklog:
        return self.bulk if lane == "bulk" else self.interactive
