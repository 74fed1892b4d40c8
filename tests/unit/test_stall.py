"""A blocked event loop is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import time

from polyvox.stall import watch_stalls


async def test_a_blocked_loop_is_measured() -> None:
    late_s: list[float] = []
    watch = asyncio.create_task(watch_stalls(late_s.append, interval_s=0.01))
    async with asyncio.timeout(60):
        while len(late_s) < 3:
            await asyncio.sleep(0.01)
        time.sleep(0.4)
        while max(late_s) < 0.3:
            await asyncio.sleep(0.01)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
    assert max(late_s) < 60
