"""The results database: recordings, changed by compare-and-set, and what is planned to be published.

A change is worked out in memory from what was read and written only if nobody else wrote in
between, else worked out again. So events of one recording may be folded by several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from polyvox.contracts import StageFailed
from polyvox.errors import Unavailable
from results_api.database import rows
from results_api.database.connections import engine_of, transaction
from results_api.database.recording import Plan, Recording
from results_api.database.tables import labels, plans, recordings

TRIES = 100
IDS_MAX = 500

Change = Callable[[Recording | None], Recording | None]


class Database:
    """Every call raises Unavailable when the database is in trouble. Connects at the first call."""

    def __init__(self, url: str) -> None:
        self.engine = engine_of(url)

    async def close(self) -> None:
        await self.engine.dispose()

    async def get(self, media_id: str) -> Recording | None:
        query = sa.select(recordings).where(recordings.c.media_id == media_id)
        async with transaction(self.engine) as connection:
            row = (await connection.execute(query)).mappings().first()
        return rows.recording_of(dict(row)) if row else None

    async def change(self, media_id: str, change: Change, *, published: int | None = None) -> Recording | None:
        """Replace a recording by what ``change`` makes of it; returns what is stored then.

        ``change`` may be called several times. The same object, or None, means: leave it.
        A greater ``planned_version`` stores a plan; ``published`` is the version of a plan
        that is done with. The plans of a deleted recording go as well.
        """
        for _ in range(TRIES):
            known = await self.get(media_id)
            wanted = change(known)
            if wanted is None or (wanted is known and published is None):
                return known
            stored = wanted if wanted is known else replace(wanted, revision=wanted.revision + 1)
            if await self._save(known, stored, published):
                return stored
        raise Unavailable(f"the recording {media_id} is changed by too many at once")

    async def plans(self, media_id: str) -> list[Plan]:
        """What is to be published of a recording, oldest version first."""
        query = sa.select(plans).where(plans.c.media_id == media_id).order_by(plans.c.version)
        async with transaction(self.engine) as connection:
            found = (await connection.execute(query)).mappings().all()
        return [rows.plan_of(dict(row)) for row in found]

    async def is_planned(self, plan: Plan) -> bool:
        """False once it is published, or its recording deleted."""
        async with transaction(self.engine) as connection:
            return (await connection.execute(sa.select(plans.c.version).where(_is(plan)))).first() is not None

    async def lose(self, plan: Plan, lost: Mapping[str, StageFailed]) -> Plan | None:
        """Note what a plan has to do without; None when it is not planned any more."""
        amended = replace(plan, lost={**plan.lost, **lost})
        update = sa.update(plans).where(_is(plan)).values(lost=rows.lost_json(amended.lost))
        async with transaction(self.engine) as connection:
            return amended if (await connection.execute(update)).rowcount else None

    async def unfinished(self, before: datetime) -> tuple[list[str], list[str]]:
        """Recordings with plans from before then, and deleted ones that were not removed by then."""
        planned = sa.select(plans.c.media_id).distinct().where(plans.c.planned_at_us < rows.to_us(before))
        deleted = sa.select(recordings.c.media_id).where(
            recordings.c.status == "deleted",
            recordings.c.removed.is_(False),
            recordings.c.updated_at_us < rows.to_us(before),
        )
        async with transaction(self.engine) as connection:
            return list(await connection.scalars(planned)), list(await connection.scalars(deleted))

    async def revisions(self, media_ids: Iterable[str]) -> dict[str, int]:
        """Revisions of those of ``media_ids`` that are known."""
        wanted = list(media_ids)
        found: dict[str, int] = {}
        async with transaction(self.engine) as connection:
            for start in range(0, len(wanted), IDS_MAX):
                some = recordings.c.media_id.in_(wanted[start : start + IDS_MAX])
                query = sa.select(recordings.c.media_id, recordings.c.revision).where(some)
                found.update((row.media_id, row.revision) for row in await connection.execute(query))
        return found

    async def _save(self, known: Recording | None, new: Recording, published: int | None) -> bool:
        """False when somebody else was faster."""
        row = rows.row_of(new)
        try:
            async with transaction(self.engine) as connection:
                if known is None:
                    await connection.execute(sa.insert(recordings).values(row))
                elif new is not known:
                    mine = (recordings.c.media_id == known.media_id) & (recordings.c.revision == known.revision)
                    updated = await connection.execute(sa.update(recordings).where(mine).values(row))
                    if updated.rowcount != 1:
                        return False
                await _save_beside(connection, known, new, published)
        except IntegrityError:
            return False
        return True


async def _save_beside(
    connection: AsyncConnection, known: Recording | None, new: Recording, published: int | None
) -> None:
    """What a change of a recording means for the other tables."""
    mine = plans.c.media_id == new.media_id
    if new.view.deleted_at is not None:
        await connection.execute(sa.delete(plans).where(mine))
    elif new.planned_version > (known.planned_version if known else 0):
        await connection.execute(sa.insert(plans).values(rows.row_of_plan(new)))
    if published is not None:
        await connection.execute(sa.delete(plans).where(mine, plans.c.version == published))
    before = rows.label_rows(known) if known else []
    after = rows.label_rows(new)
    if before != after:
        await connection.execute(sa.delete(labels).where(labels.c.media_id == new.media_id))
        await _insert_all(connection, labels, after)


async def _insert_all(connection: AsyncConnection, table: sa.Table, values: Sequence[Mapping[str, str]]) -> None:
    if values:
        await connection.execute(sa.insert(table), list(values))


def _is(plan: Plan) -> sa.ColumnElement[bool]:
    return (plans.c.media_id == plan.media_id) & (plans.c.version == plan.version)
