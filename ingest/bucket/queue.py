"""Carries bucket notifications from a message queue to the log, which keeps them until they are settled.

A message is deleted from the queue when the log has it. If the log is away, the queue is told that the
message is still being worked on, so that it does not come again meanwhile.
"""

from __future__ import annotations

import asyncio
import logging

from polyvox.errors import PolyvoxError, Transient
from polyvox.metrics import BUCKET_NOTIFICATIONS, Metrics
from polyvox.ports import Clock, EventLog, Message, MessageQueue, QueuedMessage

log = logging.getLogger(__name__)

RECEIVERS = 4
"""A queue gives at most ten messages at a time."""
RETRY_S = 2.0
VISIBILITY_S = 60


class Carrier:
    """Empties ``queue`` into the topic ``topic``."""

    def __init__(self, queue: MessageQueue, event_log: EventLog, topic: str, clock: Clock, metrics: Metrics) -> None:
        self._queue = queue
        self._log = event_log
        self._topic = topic
        self._clock = clock
        self._metrics = metrics

    async def run(self, stopping: asyncio.Event) -> None:
        """Carry until ``stopping`` is set; trouble is logged and tried again."""
        async with asyncio.TaskGroup() as group:
            for _ in range(RECEIVERS):
                group.create_task(self._receive(stopping))

    async def _receive(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                messages = await self._queue.receive()
                if messages and await self._kept(messages, stopping):
                    await self._queue.delete(messages)
                    self._metrics.add(BUCKET_NOTIFICATIONS, float(len(messages)), way="sqs", outcome="taken")
            except PolyvoxError as error:
                # What was not deleted comes again, and is a repeat then.
                log.warning("the queue %s cannot be emptied for now: %s", self._queue, error)
                await self._clock.sleep(RETRY_S)

    async def _kept(self, messages: list[QueuedMessage], stopping: asyncio.Event) -> bool:
        """Whether the log has them; False when the process is to stop before that."""
        while True:
            try:
                await self._log.append([Message(self._topic, each.id, each.body.encode()) for each in messages])
            except Transient as error:
                if stopping.is_set():
                    return False
                log.warning("notifications stay in the queue %s: %s", self._queue, error)
                await self._queue.extend(messages, VISIBILITY_S)
                await self._clock.sleep(RETRY_S)
            else:
                return True
