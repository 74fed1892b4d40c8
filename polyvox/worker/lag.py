"""Measures how much waits on the log in the partitions that a worker reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from polyvox.errors import PolyvoxError
from polyvox.ports import EventLog, TopicPartition

logger = logging.getLogger(__name__)

INTERVAL_S = 15.0


async def watch_lag(
    log: EventLog,
    group: str,
    topics: Sequence[str],
    *,
    owned: Callable[[], frozenset[TopicPartition]],
    observe: Callable[[str, int], None],
    interval_s: float = INTERVAL_S,
) -> None:
    """Hand the lag of each topic in the ``owned`` partitions to ``observe``, until cancelled.

    All members of a group together then show the group's lag, each partition once. Keeps to the loop's own clock:
    what is measured is the world's.
    """
    while True:
        try:
            behind = await log.lag(group, topics)
        except PolyvoxError as error:
            logger.info("the lag of %s is not known at this time: %s", group, error)
        else:
            mine = owned()
            for topic in topics:
                observe(topic, sum(count for at, count in behind.items() if at.topic == topic and at in mine))
        await asyncio.sleep(interval_s)
