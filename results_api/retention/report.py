"""What goes when, and what went, tenant by tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from results_api.database.connections import reading
from results_api.database.database import Database
from results_api.database.tables import retention
from results_api.retention import due
from results_api.retention.due import Due
from results_api.retention.limits import Limits, What


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a tenant's audio or text. Without a limit only what went, and how much is kept from when on.

    ``due``: recordings that are past the limit and go with the next sweeps. ``soon``: those that get past it
    before the report's horizon, ``due`` not among them. ``removed``: of the days of the report.
    """

    days: float | None
    due: int = 0
    soon: int = 0
    oldest: datetime | None = None
    removed: int = 0
    first: Sequence[Due] = ()

    @property
    def next_at(self) -> datetime | None:
        """When the oldest goes; in the past where it is due."""
        return None if self.days is None or self.oldest is None else self.oldest + timedelta(days=self.days)


async def tenants(database: Database, limits: Limits, since: datetime) -> list[str]:
    """Those that have finished recordings, are named in the limits, or had something removed since then."""
    gone = sa.select(retention.c.tenant).distinct().where(retention.c.day >= since.date().isoformat())
    async with reading(database.engine) as connection:
        had = set(await connection.scalars(gone))
    return sorted({*await due.tenants(database), *limits.tenants, *had})


async def fate(
    database: Database, limits: Limits, what: What, tenant: str, now: datetime, *, days: float, first: int = 0
) -> Fate:
    """Of the last ``days`` and the next; with the ``first`` recordings that are due."""
    removed = await _removed(database, what, tenant, now - timedelta(days=days))
    age = limits.age(what, tenant)
    if age is None:
        return Fate(None, oldest=(await due.standing(database, what, tenant, ())).oldest, removed=removed)
    before = now - age
    standing = await due.standing(database, what, tenant, (before, before + timedelta(days=days)))
    past, by_then = standing.counts
    found = await due.page(database, what, tenant, before, limit=first) if first and past else []
    return Fate(limits.days(what, tenant), past, by_then - past, standing.oldest, removed, found)


async def _removed(database: Database, what: What, tenant: str, since: datetime) -> int:
    query = sa.select(sa.func.coalesce(sa.func.sum(retention.c.recordings), 0)).where(
        retention.c.tenant == tenant, retention.c.what == what, retention.c.day >= since.date().isoformat()
    )
    async with reading(database.engine) as connection:
        return int((await connection.execute(query)).scalar_one())
