"""What every way in shares: the world it works on, how long it waits for bytes, what it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from ingest.upload.admitting import Gate
from ingest.upload.options import Known
from ingest.upload.patience import GRACE_S, IDLE_S, Patience
from polyvox import metrics
from polyvox.contracts import Lane
from polyvox.errors import Transient
from polyvox.http import Problem
from polyvox.http.gateway import caller_of
from polyvox.metrics import Metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.tenants import TenantClasses

SOURCE = "/polyvox/ingest"


class Queued(BaseModel):
    """The answer to every upload that is accepted."""

    media_id: str = Field(description="Name of the recording from now on.")
    status: Literal["queued"] = "queued"
    href: str = Field(description="Where to ask how far it is.", examples=["/v1/media/0198c9d2-…"])

    @classmethod
    def of(cls, media_id: str) -> Queued:
        return cls(media_id=media_id, href=f"/v1/media/{media_id}")


@dataclass(frozen=True, slots=True)
class Intake:
    """``idle_s`` and ``grace_s`` are explained in ingest/upload/patience.py."""

    runtime: Runtime
    idle_s: float = IDLE_S
    grace_s: float = GRACE_S
    counters: Metrics = field(default_factory=metrics.process_metrics)
    gate: Gate = field(init=False)
    classes: TenantClasses = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gate", Gate(self.runtime))
        object.__setattr__(self, "classes", TenantClasses(self.runtime.settings.tenant_classes))

    def tenant_of(self, request: Request) -> str:
        """Whose this upload will be. Raises Problem: 400, a gateway names nobody that can be."""
        return caller_of(request, self.runtime.settings.trust_tenant_header).uploads_for

    @property
    def max_bytes(self) -> int:
        return self.runtime.settings.max_upload_bytes

    def max_bytes_of(self, tenant: str) -> int:
        """The largest upload of that tenant, in bytes."""
        return min(self.max_bytes, self.runtime.settings.tenant_max_upload_bytes.get(tenant, self.max_bytes))

    def publisher(self) -> Publisher:
        return Publisher(self.runtime.log, self.runtime.clock, SOURCE)

    def known(self) -> Known:
        """What uploads may ask for."""
        return Known.of(self.runtime.settings)

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[Patience]:
        """The request's body as it arrives."""
        async with (
            aclosing(request.stream()) as stream,
            Patience(stream, self.runtime.stopping, idle_s=self.idle_s, grace_s=self.grace_s) as chunks,
        ):
            yield chunks

    def count_accepted(self, tenant: str, lane: Lane, size_bytes: int, *, replayed: bool) -> None:
        self.counters.add(metrics.UPLOADS, outcome="replayed" if replayed else "accepted")
        if not replayed:
            tenant_class = self.classes.of(tenant)
            self.counters.add(metrics.UPLOADED_BYTES, size_bytes, lane=lane, tenant_class=tenant_class)
            self.gate.accepted(tenant, lane, size_bytes)

    def count_failed(self, error: Exception) -> None:
        self.counters.add(metrics.UPLOADS, outcome=_outcome(error))


def _outcome(error: Exception) -> str:
    match error:
        case Problem():
            return error.code
        case Transient():
            return "unavailable"
        case ClientDisconnect():
            return "disconnected"
    return "internal"
