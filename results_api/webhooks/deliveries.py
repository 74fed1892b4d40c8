"""Deliveries in the results database: what is to be told to whom, what is due, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from results_api.database.batches import Batches
from results_api.database.connections import reading, transaction
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.tables import webhook_deliveries as table
from results_api.webhooks.delivery import ATTEMPTS, ATTEMPTS_KEPT, Attempt, Delivery, State
from results_api.webhooks.messages import DELETED, Message

_OF = (table.c.webhook_id, table.c.event_id)
NOTED_MAX = 64
"""Attempts that are noted at once. Each by itself, many that fail would keep SQLite to themselves."""


class Deliveries:
    """Every call raises Unavailable when the database is in trouble. Safe to use from any number of processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._notes: Batches[sa.Update, None] = Batches(self._note_some, most=NOTED_MAX)

    async def close(self) -> None:
        """Returns when everything is noted."""
        await self._notes.close()

    async def add(self, message: Message, webhook_ids: Collection[str], now: datetime) -> None:
        """Note that they are to be told. Those who were told before, or are about to be, are left as they are."""
        rows = [
            {
                "webhook_id": webhook_id,
                "event_id": message.id,
                "type": message.type,
                "media_id": message.media_id,
                "body": message.body,
                "state": "pending",
                "failures": 0,
                "next_at_us": to_us(now),
                "claimed_until_us": 0,
                "created_at_us": to_us(now),
                "ended_at_us": None,
                "attempts": "[]",
            }
            for webhook_id in webhook_ids
        ]
        async with transaction(self._database.engine) as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            await connection.execute(insert(table).on_conflict_do_nothing(index_elements=[*_OF]), rows)

    async def forget_recording(self, media_id: str) -> None:
        """What was to be told of a recording holds its metadata, and goes with it; that it is deleted stays."""
        where = (table.c.media_id == media_id) & (table.c.type != DELETED)
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.delete(table).where(where))

    async def due(self, now: datetime, *, without: Collection[str], limit: int) -> list[tuple[str, str]]:
        """Ids of webhook and event of what nobody is at, the longest due first."""
        query = (
            sa.select(*_OF)
            .where(_is_due(now), table.c.webhook_id.not_in(without))
            .order_by(table.c.next_at_us)
            .limit(limit)
        )
        async with reading(self._database.engine) as connection:
            return [(row.webhook_id, row.event_id) for row in await connection.execute(query)]

    async def claim(self, some: Collection[tuple[str, str]], now: datetime, until: datetime) -> list[Delivery]:
        """``some``: ids of webhook and event. Nobody else gets them until then; those that somebody else was quicker to
        get are left out."""
        if not some:
            return []
        claimed = []
        async with transaction(self._database.engine) as connection:
            # In one order, or two who claim the same wait for each other.
            for webhook_id, event_id in sorted(some):
                claim = (
                    sa.update(table)
                    .where(_is(webhook_id, event_id), _is_due(now))
                    .values(claimed_until_us=to_us(until))
                    .returning(*table.c)
                )
                if row := (await connection.execute(claim)).mappings().first():
                    claimed.append(_delivery(row))
        return claimed

    async def note(
        self, claimed: Delivery, attempt: Attempt | None, *, state: State, next_at: datetime, now: datetime
    ) -> None:
        """How an attempt went, by who claimed the delivery. Without one it ends because nobody wants it any more."""
        attempts = [*claimed.attempts, *([attempt] if attempt else [])][-ATTEMPTS_KEPT:]
        values = {
            "state": state,
            "failures": claimed.failures + (attempt is not None and attempt.error is not None),
            "next_at_us": to_us(next_at),
            "claimed_until_us": 0,
            "ended_at_us": None if state == "pending" else to_us(now),
            "attempts": ATTEMPTS.dump_json(attempts).decode(),
        }
        mine = _is(claimed.webhook_id, claimed.event_id) & (table.c.claimed_until_us == claimed.claimed_until_us)
        await self._notes.ask(sa.update(table).where(mine).values(**values))

    async def _note_some(self, updates: list[sa.Update]) -> list[None]:
        async with transaction(self._database.engine) as connection:
            for update in updates:
                await connection.execute(update)
        return [None] * len(updates)

    async def replay(self, webhook_id: str, event_id: str, now: datetime) -> Delivery | None:
        """Tell it again at once, whatever became of it; None when there is no such delivery."""
        again = sa.update(table).where(_is(webhook_id, event_id)).values(**_again(now)).returning(*table.c)
        async with transaction(self._database.engine) as connection:
            row = (await connection.execute(again)).mappings().first()
        return _delivery(row) if row else None

    async def replay_failed(self, webhook_id: str, since: datetime, now: datetime) -> int:
        """As ``replay``, all that failed of what was first tried since then; returns how many."""
        failed = (
            (table.c.webhook_id == webhook_id) & (table.c.state == "failed") & (table.c.created_at_us >= to_us(since))
        )
        async with transaction(self._database.engine) as connection:
            return (await connection.execute(sa.update(table).where(failed).values(**_again(now)))).rowcount

    async def page(
        self, webhook_id: str, *, state: State | None, limit: int, before: tuple[int, str] | None = None
    ) -> list[Delivery]:
        """The newest first; ``before``: time in microseconds and event id of the last one that is known."""
        query = sa.select(table).where(table.c.webhook_id == webhook_id)
        if state is not None:
            query = query.where(table.c.state == state)
        if before is not None:
            time_us, event_id = before
            query = query.where(
                sa.tuple_(table.c.created_at_us, table.c.event_id)
                < sa.tuple_(sa.literal(time_us, table.c.created_at_us.type), sa.literal(event_id, sa.String(64)))
            )
        query = query.order_by(table.c.created_at_us.desc(), table.c.event_id.desc()).limit(limit)
        async with reading(self._database.engine) as connection:
            return [_delivery(row) for row in (await connection.execute(query)).mappings()]

    async def forget_ended(self, before: datetime) -> int:
        """Forget those that ended before then; returns how many."""
        async with transaction(self._database.engine) as connection:
            return (await connection.execute(sa.delete(table).where(table.c.ended_at_us < to_us(before)))).rowcount


def _is(webhook_id: str, event_id: str) -> sa.ColumnElement[bool]:
    return (table.c.webhook_id == webhook_id) & (table.c.event_id == event_id)


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    now_us = to_us(now)
    return (table.c.state == "pending") & (table.c.next_at_us <= now_us) & (table.c.claimed_until_us <= now_us)


def _again(now: datetime) -> dict[str, Any]:
    return {"state": "pending", "failures": 0, "next_at_us": to_us(now), "ended_at_us": None}


def _delivery(row: Mapping[Any, Any]) -> Delivery:
    return Delivery(
        webhook_id=row["webhook_id"],
        event_id=row["event_id"],
        type=row["type"],
        media_id=row["media_id"],
        body=row["body"],
        state=row["state"],
        failures=row["failures"],
        next_at=from_us(row["next_at_us"]),
        created_at=from_us(row["created_at_us"]),
        ended_at=None if row["ended_at_us"] is None else from_us(row["ended_at_us"]),
        attempts=tuple(ATTEMPTS.validate_json(row["attempts"])),
        claimed_until_us=row["claimed_until_us"],
    )
