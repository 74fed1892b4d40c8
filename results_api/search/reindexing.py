"""Makes PostgreSQL's index of words anew where it was made before segments had marks in it (see windows.py).

Beside everything else that reads and writes, in some minutes for a million segments; until then the older one is asked.
What is done is in the database: an index that was not finished is begun again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from polyvox.errors import Unavailable
from polyvox.ports import Clock
from results_api.database.connections import engine_of, reading
from results_api.search.words_index import CREATE, INDEX, OLDER

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often a process that is not the one to do it looks whether it has become that."""
TROUBLED_S = 60.0
# Any number that nothing else on the database server locks: "marks" in ASCII.
ADVISORY_LOCK = 0x6D61726B73

_VALID = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


@dataclass(frozen=True, slots=True)
class Reindexing:
    """``mine`` says whether this process is the one to do it; of several that do, one does and the others wait."""

    url: str
    clock: Clock
    mine: Callable[[], bool]

    async def run(self) -> None:
        """Until it is done, or cancelled."""
        done = False
        while not done:
            pause_s = LOOK_S
            try:
                done = self.mine() and await self.once()
            except Unavailable as error:
                log.warning("the index of words is not made anew yet: %s", error)
                pause_s = TROUBLED_S
            if not done:
                await self.clock.sleep(pause_s)

    async def once(self) -> bool:
        """Whether the index is as it should be; False when another process is making it. Raises Unavailable."""
        engine = engine_of(self.url, connections=1, statement_s=None)
        try:
            if engine.dialect.name == "sqlite":
                return True
            async with reading(engine) as connection:
                return await _made(connection)
        finally:
            await engine.dispose()


async def _made(connection: AsyncConnection) -> bool:
    if await _valid(connection, INDEX) and await _valid(connection, OLDER) is None:
        return True
    # Until this connection is closed. To make an index beside what is written waits for whoever writes, however long.
    if not await connection.scalar(sa.select(sa.func.pg_try_advisory_lock(ADVISORY_LOCK))):
        return False
    await connection.exec_driver_sql("SET lock_timeout = 0")
    valid = await _valid(connection, INDEX)
    if valid is False:
        await connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {INDEX}")
    if not valid:
        log.info("making the index of words anew")
        await connection.exec_driver_sql(CREATE)
        # How often marks are said is only known after this.
        await connection.exec_driver_sql("ANALYZE segments")
        log.info("made the index of words anew")
    await connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {OLDER}")
    return True


async def _valid(connection: AsyncConnection, index: str) -> bool | None:
    """None: there is no such index."""
    valid: bool | None = await connection.scalar(_VALID, {"name": index})
    return valid
