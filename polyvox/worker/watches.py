"""What is measured beside a worker's work, for as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from polyvox.metrics import CONSUMER_LAG, Metrics
from polyvox.ports import EventLog, TopicPartition
from polyvox.worker.lag import watch_lag


def watches(
    name: str, log: EventLog, topics: Sequence[str], owned: Callable[[], frozenset[TopicPartition]], metrics: Metrics
) -> list[asyncio.Task[None]]:
    """Begin to measure the worker ``name``; cancel the tasks to end it."""
    lag = watch_lag(
        log,
        name,
        topics,
        owned=owned,
        observe=lambda topic, messages: metrics.set(CONSUMER_LAG, messages, worker=name, topic=topic),
    )
    return [asyncio.create_task(lag, name=f"lag of {name}")]
