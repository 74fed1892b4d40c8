"""What receivers are told: which events there are, and the body of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import BaseModel, SerializeAsAny

from polyvox.contracts import Envelope, Fact, MediaCompleted, MediaDeleted, MediaFailed

EventType = Literal["media.completed", "media.failed", "media.deleted"]
TYPES: tuple[EventType, ...] = get_args(EventType)
DELETED: EventType = "media.deleted"


class Payload(BaseModel):
    """The form that the Standard Webhooks specification recommends; ``data`` is the event's, as in docs/events.md."""

    type: EventType
    timestamp: datetime
    data: SerializeAsAny[Fact]


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell, to any number of receivers. ``id`` stays the same however often it is told."""

    id: str
    type: EventType
    media_id: str
    tenant: str
    happened_at: datetime
    """When it was put on the log: after every webhook that it concerns was registered."""
    body: str


def message_of(event: Envelope[Any]) -> Message:
    """``event`` carries a MediaCompleted, a MediaFailed or a MediaDeleted; anything else is a ValueError."""
    fact = event.data
    type_, at = _what_and_when(fact)
    body = Payload(type=type_, timestamp=at, data=fact).model_dump_json(exclude_none=True)
    return Message(event.id, type_, fact.media_id, fact.tenant, event.time, body)


def _what_and_when(fact: object) -> tuple[EventType, datetime]:
    match fact:
        case MediaCompleted():
            return "media.completed", fact.completed_at
        case MediaFailed():
            return "media.failed", fact.failed_at
        case MediaDeleted():
            return DELETED, fact.deleted_at
    raise ValueError(f"webhooks do not tell of {type(fact).__name__}")
