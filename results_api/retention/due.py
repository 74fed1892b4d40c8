"""What is old enough to go: asked by tenant and age, on indexes that hold only what may go.

Nothing is read of what is not due: to ask costs a few steps in an index for each tenant, however much is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from results_api.database.connections import reading
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.tables import FINISHED, WITH_AUDIO, recordings
from results_api.retention.limits import What

row = recordings.c
_MAY_GO = {"text": FINISHED, "audio": WITH_AUDIO}


@dataclass(frozen=True, slots=True)
class Due:
    """A recording whose audio or text may go, and since when it is here."""

    media_id: str
    created_at: datetime


async def tenants(database: Database) -> list[str]:
    """All that have finished recordings."""
    async with reading(database.engine) as connection:
        return list(await connection.scalars(tenants_query()))


def tenants_query() -> sa.Select[tuple[str]]:
    """One step in an index for each tenant, however many recordings it has."""
    first = sa.select(sa.func.min(row.tenant).label("tenant")).where(FINISHED).cte("tenants", recursive=True)
    after = sa.select(sa.func.min(row.tenant)).where(FINISHED, row.tenant > first.c.tenant).scalar_subquery()
    every = first.union_all(sa.select(after).where(first.c.tenant.is_not(None)))
    return sa.select(every.c.tenant).where(every.c.tenant.is_not(None))


async def page(
    database: Database, what: What, tenant: str, before: datetime, *, limit: int, after: Due | None = None
) -> list[Due]:
    """The oldest of a tenant's recordings from before then, those behind ``after`` only."""
    async with reading(database.engine) as connection:
        found = await connection.execute(page_query(what, tenant, before, limit=limit, after=after))
        return [Due(one.media_id, from_us(one.created_at_us)) for one in found]


def page_query(
    what: What, tenant: str, before: datetime, *, limit: int, after: Due | None = None
) -> sa.Select[tuple[str, int]]:
    """Nothing is read that is not an answer."""
    time, id_ = row.created_at_us, row.media_id
    query = sa.select(id_, time).where(_MAY_GO[what], row.tenant == tenant, time < to_us(before))
    if after is not None:
        last = sa.tuple_(sa.literal(to_us(after.created_at), time.type), sa.literal(after.media_id, id_.type))
        query = query.where(sa.tuple_(time, id_) > last)
    return query.order_by(time, id_).limit(limit)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of a tenant's recordings there are from before each of some moments, and the oldest of all."""

    counts: tuple[int, ...]
    oldest: datetime | None


async def standing(database: Database, what: What, tenant: str, before: Sequence[datetime]) -> Standing:
    """Counting takes a step in the index for each recording that is counted."""
    oldest = sa.select(sa.func.min(row.created_at_us)).where(_MAY_GO[what], row.tenant == tenant)
    async with reading(database.engine) as connection:
        first = (await connection.execute(oldest)).scalar()
        counts = []
        for moment in before:
            count = sa.select(sa.func.count()).where(
                _MAY_GO[what], row.tenant == tenant, row.created_at_us < to_us(moment)
            )
            counts.append((await connection.execute(count)).scalar_one())
    return Standing(tuple(counts), None if first is None else from_us(first))
