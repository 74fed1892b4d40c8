"""A projection that dies by SIGKILL at a chosen step.

    python -m tests.support.doomed_projection DATA_DIR STEP [DATABASE]

Steps lie between any two things that outlast the process: before an object is put, before an
append to the log, after each transaction of the database. Ends with 0 when all
that is on the log is handled before the step comes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from polyvox import bootstrap
from polyvox.ports import Body, EventLog, Message, ObjectInfo, ObjectStore, TopicPartition
from polyvox.service import Runtime
from results_api.projection import projection
from results_api.projection.work import work
from tests.support.databases import Place


class Doom:
    def __init__(self, step: int) -> None:
        self._left = step

    def step(self, *_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedStore:
    def __init__(self, inner: ObjectStore, doom: Doom) -> None:
        self._inner, self._doom = inner, doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def put(self, key: str, body: Body, **options: Any) -> ObjectInfo:
        self._doom.step()
        return await self._inner.put(key, body, **options)


class DoomedLog:
    def __init__(self, inner: EventLog, doom: Doom) -> None:
        self._inner, self._doom = inner, doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def append(self, messages: Sequence[Message]) -> list[TopicPartition]:
        self._doom.step()
        return await self._inner.append(messages)


async def main(place: Place, step: int) -> None:
    doom = Doom(step)
    async with bootstrap.runtime(place.settings, member="projection") as world:
        runtime = Runtime(
            world.settings, DoomedLog(world.log, doom), DoomedStore(world.store, doom), world.clock, world.member
        )
        # A connection comes back to its pool after its transaction.
        sa.event.listen(sa.Pool, "checkin", doom.step)
        working = asyncio.create_task(work(runtime))
        while any((await world.log.lag(projection.NAME, projection.TOPICS)).values()):
            await asyncio.sleep(0.01)
        runtime.stopping.set()
        await working


if __name__ == "__main__":
    data_dir, step, *database = sys.argv[1:]
    asyncio.run(main(Place(Path(data_dir), database[0] if database else None, lambda: None), int(step)))
