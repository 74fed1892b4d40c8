"""Who wants to be told what, in the results database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from results_api.database.connections import reading, transaction
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.tables import webhook_deliveries, webhooks
from results_api.webhooks.messages import EventType, Message

ENDPOINTS_MAX = 200
"""Each of them is looked at for each recording that ends."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One receiver. ``tenant`` None: it is told of everybody's recordings. A disabled one is told nothing."""

    id: str
    url: str
    types: tuple[EventType, ...]
    tenant: str | None
    description: str
    secret: str = field(repr=False)
    created_at: datetime
    disabled_at: datetime | None = None

    def wants(self, message: Message) -> bool:
        """What was there before it was registered is not for it: that makes a log which is read again harmless."""
        return (
            self.disabled_at is None
            and message.type in self.types
            and self.tenant in (None, message.tenant)
            and message.happened_at >= self.created_at
        )


class Endpoints:
    """Every call raises Unavailable when the database is in trouble."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, endpoint: Endpoint) -> bool:
        """False when there are too many."""
        row = {
            "id": endpoint.id,
            "url": endpoint.url,
            "types": json.dumps(endpoint.types),
            "tenant": endpoint.tenant,
            "description": endpoint.description,
            "secret": endpoint.secret,
            "created_at_us": to_us(endpoint.created_at),
            "disabled_at_us": None,
        }
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.insert(webhooks).values(row))
            count = await connection.scalar(sa.select(sa.func.count()).select_from(webhooks))
            if (count or 0) <= ENDPOINTS_MAX:
                return True
            await connection.rollback()
            return False

    async def get(self, id_: str) -> Endpoint | None:
        query = sa.select(webhooks).where(webhooks.c.id == id_)
        async with reading(self._database.engine) as connection:
            row = (await connection.execute(query)).mappings().first()
        return _endpoint(row) if row else None

    async def all(self) -> list[Endpoint]:
        """The oldest first."""
        query = sa.select(webhooks).order_by(webhooks.c.created_at_us, webhooks.c.id)
        async with reading(self._database.engine) as connection:
            return [_endpoint(row) for row in (await connection.execute(query)).mappings()]

    async def disable(self, id_: str, now: datetime) -> None:
        """Tell it nothing more."""
        await self._set(id_, {"disabled_at_us": to_us(now)})

    async def enable(self, id_: str) -> None:
        await self._set(id_, {"disabled_at_us": None})

    async def remove(self, id_: str) -> bool:
        """With all its deliveries; False when there is none of that id."""
        async with transaction(self._database.engine) as connection:
            removed = await connection.execute(sa.delete(webhooks).where(webhooks.c.id == id_))
            await connection.execute(sa.delete(webhook_deliveries).where(webhook_deliveries.c.webhook_id == id_))
        return bool(removed.rowcount)

    async def _set(self, id_: str, values: Mapping[str, Any]) -> None:
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.update(webhooks).where(webhooks.c.id == id_).values(**values))


def _endpoint(row: Mapping[Any, Any]) -> Endpoint:
    return Endpoint(
        id=row["id"],
        url=row["url"],
        types=tuple(json.loads(row["types"])),
        tenant=row["tenant"],
        description=row["description"],
        secret=row["secret"],
        created_at=from_us(row["created_at_us"]),
        disabled_at=None if row["disabled_at_us"] is None else from_us(row["disabled_at_us"]),
    )
