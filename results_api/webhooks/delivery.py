"""One message to one receiver, and what became of the attempts to deliver it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, TypeAdapter

from results_api.webhooks.messages import EventType

State = Literal["pending", "delivered", "failed"]
ATTEMPTS_KEPT = 20


class Attempt(BaseModel):
    """One request. Nothing of the answer but its status is kept: it may come from where no stranger should look."""

    at: datetime
    duration_s: float
    status: int | None = Field(None, description="HTTP status of the answer; null where none came.")
    error: str | None = Field(None, description="Why it does not count as delivered.")


ATTEMPTS = TypeAdapter(list[Attempt])


@dataclass(frozen=True, slots=True)
class Delivery:
    """``failures`` counts since it was begun or replayed; ``claimed_until_us`` says who is at it."""

    webhook_id: str
    event_id: str
    type: EventType
    media_id: str
    body: str
    state: State
    failures: int
    next_at: datetime
    created_at: datetime
    ended_at: datetime | None
    attempts: tuple[Attempt, ...]
    claimed_until_us: int
