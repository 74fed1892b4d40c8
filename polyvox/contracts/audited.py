"""Who did what with a recording, or tried to. Neither what it holds nor what was searched for is in here."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field

from polyvox.contracts.envelope import Event

AuditedAction = Literal["uploaded", "read", "changed", "deleted"]
AuditedOutcome = Literal["done", "refused", "failed"]


class Audited(Event):
    """Requests that were the same in all that is told here, within a second of ``at``, are one with a ``count``."""

    TYPE: ClassVar[str] = "polyvox.audited.v1"
    TOPIC: ClassVar[str] = "audit"

    id: str
    at: datetime
    key_id: str | None = None
    """None: no key that is known, or whom a gateway let in."""
    tenant: str | None = None
    """Of whom it was; None: of all, or of nobody that is known."""
    action: AuditedAction
    outcome: AuditedOutcome
    """done: it was answered; refused: for who asked, or for what; failed: by the server."""
    media_id: str | None = None
    """The recording, or the upload that would be one; None: no one of them."""
    method: str
    route: str
    """The template of the path, such as ``/v1/media/{media_id}``."""
    status: int
    address: str
    count: int = Field(default=1, ge=1)

    def identity(self) -> tuple[str, ...]:
        return (self.id,)

    def key(self) -> str:
        return self.tenant or "all"

    @property
    def subject(self) -> str:
        return self.media_id or self.route
