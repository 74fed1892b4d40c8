"""Replays in the results database: what was ordered, how far the asking is, and how each recording fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from results_api.database.connections import transaction
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.tables import replayed, replays
from results_api.replays.order import Order
from results_api.view.replays import ReplayState

RECENT = 100


@dataclass(frozen=True, slots=True)
class Ordered:
    """One replay. ``asked``: every recording that matches has been told; ``cursor`` is where the telling goes on."""

    id: str
    order: Order
    created_at: datetime
    asked: bool
    cursor: str | None
    requested: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How one recording of a replay fares."""

    media_id: str
    state: ReplayState
    reason: str | None


class Ledger:
    """Every call raises Unavailable when the database is in trouble."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, id_: str, order: Order, now: datetime) -> Ordered:
        row = {
            "id": id_,
            "created_at_us": to_us(now),
            "body": order.model_dump_json(),
            "asked": False,
            "cursor": None,
            "requested": 0,
            "claimed_until_us": 0,
        }
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.insert(replays).values(row))
        return _ordered(row)

    async def get(self, id_: str) -> Ordered | None:
        found = await self._select(sa.select(replays).where(replays.c.id == id_))
        return found[0] if found else None

    async def recent(self) -> list[Ordered]:
        """The latest, newest first."""
        return await self._select(sa.select(replays).order_by(replays.c.created_at_us.desc()).limit(RECENT))

    async def claim(self, now: datetime, until: datetime) -> Ordered | None:
        """One whose asking is not finished and nobody is at; nobody else gets it until then."""
        query = (
            sa.select(replays)
            .where(replays.c.asked.is_(False), replays.c.claimed_until_us < to_us(now))
            .order_by(replays.c.created_at_us)
        )
        for ordered in await self._select(query):
            mine = (replays.c.id == ordered.id) & (replays.c.claimed_until_us < to_us(now))
            claim = sa.update(replays).where(mine).values(claimed_until_us=to_us(until))
            async with transaction(self._database.engine) as connection:
                if (await connection.execute(claim)).rowcount:
                    return ordered
        return None

    async def note_asked(
        self, id_: str, media_ids: Sequence[str], *, cursor: str | None, asked: bool, until: datetime
    ) -> None:
        """These were told; the telling goes on from ``cursor``. Doing it again counts none twice."""
        async with transaction(self._database.engine) as connection:
            for media_id in media_ids:
                await _insert(connection, {"replay": id_, "media_id": media_id, "state": "pending"})
            count = sa.select(sa.func.count()).where(replayed.c.replay == id_).scalar_subquery()
            await connection.execute(
                sa.update(replays)
                .where(replays.c.id == id_)
                .values(cursor=cursor, asked=asked, requested=count, claimed_until_us=to_us(until))
            )

    async def note_state(self, id_: str, media_id: str, state: ReplayState, reason: str | None) -> None:
        """How a recording fares, once more."""
        values = {"replay": id_, "media_id": media_id, "state": state, "reason": reason}
        async with transaction(self._database.engine) as connection:
            await _insert(connection, values, replace=True)

    async def counts(self, id_: str) -> dict[ReplayState, int]:
        query = sa.select(replayed.c.state, sa.func.count()).where(replayed.c.replay == id_).group_by(replayed.c.state)
        async with transaction(self._database.engine) as connection:
            counted = {state: count for state, count in await connection.execute(query)}  # noqa: C416
        return {"pending": 0, "done": 0, "failed": 0, **counted}

    async def failed(self, id_: str, *, limit: int) -> list[Standing]:
        query = sa.select(replayed).where(replayed.c.replay == id_, replayed.c.state == "failed").limit(limit)
        async with transaction(self._database.engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Standing(row["media_id"], row["state"], row["reason"]) for row in rows]

    async def _select(self, query: sa.Select[Any]) -> list[Ordered]:
        async with transaction(self._database.engine) as connection:
            return [_ordered(row) for row in (await connection.execute(query)).mappings().all()]


async def _insert(connection: AsyncConnection, values: Mapping[str, Any], *, replace: bool = False) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(replayed).values(**values)
    keys = ["replay", "media_id"]
    if replace:
        changed = {"state": values["state"], "reason": values["reason"]}
        await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))
    else:
        await connection.execute(statement.on_conflict_do_nothing(index_elements=keys))


def _ordered(row: Mapping[str, Any]) -> Ordered:
    return Ordered(
        id=row["id"],
        order=Order.model_validate_json(row["body"]),
        created_at=from_us(row["created_at_us"]),
        asked=row["asked"],
        cursor=row["cursor"],
        requested=row["requested"],
    )
