"""Follows the log and notes whom to tell of each recording that ended or was deleted.

An event counts as handled when every delivery is in the database, so a crash anywhere brings it
back; its deliveries have its id, so what comes twice is noted once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from polyvox.contracts import Envelope, MediaCompleted, MediaDeleted, MediaFailed
from polyvox.errors import PolyvoxError
from polyvox.ports import Clock
from results_api.database.database import Database
from results_api.webhooks.deliveries import Deliveries
from results_api.webhooks.endpoints import Endpoints
from results_api.webhooks.messages import DELETED, message_of

log = logging.getLogger(__name__)

NAME = "webhooks"
TOPICS = tuple(fact.TOPIC for fact in (MediaCompleted, MediaFailed, MediaDeleted))
CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class Follower:
    """The handler. ``nudge`` is set when there is something new to send."""

    database: Database
    endpoints: Endpoints
    deliveries: Deliveries
    clock: Clock
    nudge: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, event: Envelope[Any]) -> None:
        """Note everybody who wants to be told. Raises Unavailable when the database is in trouble."""
        message = message_of(event)
        if message.type == DELETED:
            await self.deliveries.forget_recording(message.media_id)
        wanted = [endpoint.id for endpoint in await self.endpoints.all() if endpoint.wants(message)]
        # Topics are read side by side: a recording's deletion may come before its result.
        if wanted and (message.type == DELETED or not await self._is_deleted(message.media_id)):
            await self.deliveries.add(message, wanted, self.clock.now())
            self.nudge.set()

    async def give_up(self, event: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        """Its dead letter is all that is left of it: nobody else waits for what is told here."""
        log.warning("nobody is told of %s of %s after %d attempts: %s", event.type, event.subject, attempts, error)

    async def _is_deleted(self, media_id: str) -> bool:
        recording = await self.database.get(media_id)
        return recording is not None and recording.view.deleted_at is not None
