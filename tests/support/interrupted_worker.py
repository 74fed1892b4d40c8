"""A worker process that publishes its output and then, if told so, never gets to its commit.

python -m tests.support.interrupted_worker ADDRESS (hang|finish)
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from polyvox.clock import SystemClock
from polyvox.contracts import Envelope, MediaFailed
from polyvox.publish import Publisher
from polyvox.worker import Worker
from tests.support.logs import open_log
from tests.support.worker_bench import STAGE, TOPIC


async def main(address: str, then: str) -> None:
    log, clock = open_log(address), SystemClock()
    publisher = Publisher(log, clock, "/tests")

    async def handler(envelope: Envelope[Any]) -> None:
        media_id = envelope.data.media_id
        await publisher.publish(
            MediaFailed(media_id=media_id, stage="normalise", code="x", reason="x", failed_at=clock.now())
        )
        if then == "hang":
            await asyncio.sleep(3600)

    stopping = asyncio.Event()
    worker = Worker(log, clock, name=STAGE, topics=[TOPIC], handler=handler, member="one")
    work = asyncio.create_task(worker.run(stopping))
    while then == "hang" or any((await log.lag(STAGE, [TOPIC])).values()):
        await asyncio.sleep(0.02)
    stopping.set()
    await work
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
