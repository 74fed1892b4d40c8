"""Measures how late the event loop is: code that blocks it also blocks every heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

INTERVAL_S = 0.1
WARN_S = 1.0


async def watch_stalls(observe: Callable[[float], None], *, interval_s: float = INTERVAL_S) -> None:
    """Hand every wake-up's lateness in seconds to ``observe``, until cancelled.

    Uses the loop's own clock on purpose: the loop is what is measured.
    """
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + interval_s
        await asyncio.sleep(interval_s)
        late_s = max(0.0, loop.time() - due_s)
        observe(late_s)
        if late_s > WARN_S:
            log.warning("the event loop was blocked for %.1f s", late_s)
