"""What is measured beside a worker's work, for as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from polyvox.metrics import CONSUMER_LAG, EVENT_LOOP_STALL, Metrics
from polyvox.ports import EventLog, TopicPartition
from polyvox.worker.lag import watch_lag
from polyvox.worker.stall import watch_stalls


def watches(
    name: str, log: EventLog, topics: Sequence[str], owned: Callable[[], frozenset[TopicPartition]], metrics: Metrics
) -> list[asyncio.Task[None]]:
    """Begin to measure the worker ``name``; cancel the tasks to end it."""
    stalls = watch_stalls(partial(metrics.observe, EVENT_LOOP_STALL, worker=name))
    lag = watch_lag(
        log,
        name,
        topics,
        owned=owned,
        observe=lambda topic, messages: metrics.set(CONSUMER_LAG, messages, worker=name, topic=topic),
    )
    return [
        asyncio.create_task(stalls, name=f"stalls of {name}"),
        asyncio.create_task(lag, name=f"lag of {name}"),
    ]
