"""The topic with one partition that tests of the embedded log alone use."""

from __future__ import annotations

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.ports import Message, TopicPartition

TOPIC = "work"
ONLY = TopicPartition(TOPIC, 0)


async def append(log: EmbeddedLog, count: int) -> None:
    await log.append([Message(TOPIC, "k", b"v") for _ in range(count)])
