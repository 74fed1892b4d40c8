"""Enrolled people and their voices in the results database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from results_api.database.connections import reading, transaction
from results_api.database.database import Database
from results_api.database.rows import from_us, to_us
from results_api.database.tables import named, people, voices
from results_api.people.recognition import Voice

PEOPLE_MAX = 1_000
"""Of a tenant: all of them are looked at for each recording."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a voice was enrolled from: ``speaker`` of a recording."""

    media_id: str
    speaker: str
    model: str
    speech_s: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    tenant: str
    name: str
    consent: str
    created_at: datetime
    samples: Sequence[Sample] = ()


class People:
    """Every call raises Unavailable when the database is in trouble."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enrol(self, person: Person, sample: Sample, vector: Sequence[float]) -> str | None:
        """Add a voice to the person of that name, who is new if there is none; the id, None when there are too many.

        The same speaker of the same recording again replaces what was there. Whoever is known keeps
        their id; how they agreed is what was said last.
        """
        async with transaction(self._database.engine) as connection:
            row = {
                "id": person.id,
                "tenant": person.tenant,
                "name": person.name,
                "consent": person.consent,
                "created_at_us": to_us(person.created_at),
            }
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            added = insert(people).values(row)
            id_ = await connection.scalar(
                added.on_conflict_do_update(
                    index_elements=["tenant", "name"], set_={"consent": person.consent}
                ).returning(people.c.id)
            )
            of_tenant = sa.select(sa.func.count()).select_from(people).where(people.c.tenant == person.tenant)
            if (await connection.scalar(of_tenant) or 0) > PEOPLE_MAX:
                await connection.rollback()
                return None
            same = (voices.c.person == id_) & (voices.c.media_id == sample.media_id)
            await connection.execute(sa.delete(voices).where(same, voices.c.speaker == sample.speaker))
            await connection.execute(
                sa.insert(voices).values(
                    person=id_,
                    media_id=sample.media_id,
                    speaker=sample.speaker,
                    model=sample.model,
                    vector=json.dumps(list(vector)),
                    speech_s=sample.speech_s,
                    created_at_us=to_us(sample.created_at),
                )
            )
        return str(id_)

    async def all(self, tenant: str | None) -> list[Person]:
        """Those of a tenant, or of all, by name."""
        chosen = sa.true() if tenant is None else people.c.tenant == tenant
        query = sa.select(people).where(chosen).order_by(people.c.tenant, people.c.name)
        return await self._with_samples(query)

    async def get(self, id_: str, tenant: str | None) -> Person | None:
        """None also where it is somebody else's."""
        chosen = sa.true() if tenant is None else people.c.tenant == tenant
        found = await self._with_samples(sa.select(people).where(people.c.id == id_, chosen))
        return found[0] if found else None

    async def forget(self, id_: str) -> bool:
        """With all voices; False when there is nobody. Where they are named stays noted until it is taken out."""
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.delete(voices).where(voices.c.person == id_))
            return bool((await connection.execute(sa.delete(people).where(people.c.id == id_))).rowcount)

    async def voices(self, tenant: str, model: str) -> list[Voice]:
        """All that a recording of the tenant can be compared with; the oldest person first."""
        query = (
            sa.select(people.c.id, people.c.name, voices.c.model, voices.c.vector)
            .join(voices, voices.c.person == people.c.id)
            .where(people.c.tenant == tenant, voices.c.model == model)
            .order_by(people.c.created_at_us, people.c.id, voices.c.created_at_us)
        )
        async with reading(self._database.engine) as connection:
            rows = (await connection.execute(query)).all()
        # A thousand vectors take some tens of milliseconds to parse.
        return await asyncio.to_thread(
            lambda: [Voice(row.id, row.name, row.model, json.loads(row.vector)) for row in rows]
        )

    async def note_named(self, media_id: str, version: int, persons: Iterable[str]) -> None:
        """A result is about to name them."""
        rows = [{"media_id": media_id, "version": version, "person": person} for person in persons]
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.delete(named).where(named.c.media_id == media_id, named.c.version == version))
            if rows:
                await connection.execute(sa.insert(named), rows)

    async def left(self, limit: int) -> list[tuple[str, int]]:
        """(media_id, version) of results that name somebody who was forgotten."""
        gone = ~sa.exists().where(people.c.id == named.c.person)
        query = sa.select(named.c.media_id, named.c.version).where(gone).distinct().limit(limit)
        async with reading(self._database.engine) as connection:
            return [(row.media_id, row.version) for row in await connection.execute(query)]

    async def taken_out(self, media_id: str, version: int) -> None:
        """That result is no more."""
        async with transaction(self._database.engine) as connection:
            await connection.execute(sa.delete(named).where(named.c.media_id == media_id, named.c.version == version))

    async def _with_samples(self, query: sa.Select[tuple[object, ...]]) -> list[Person]:
        found = query.subquery()
        of_them = sa.select(voices).join(found, found.c.id == voices.c.person).order_by(voices.c.created_at_us)
        samples: dict[str, list[Sample]] = {}
        async with reading(self._database.engine) as connection:
            rows = (await connection.execute(query)).mappings().all()
            for row in (await connection.execute(of_them)).mappings():
                one = Sample(
                    row["media_id"], row["speaker"], row["model"], row["speech_s"], from_us(row["created_at_us"])
                )
                samples.setdefault(row["person"], []).append(one)
        return [
            Person(
                id=row["id"],
                tenant=row["tenant"],
                name=row["name"],
                consent=row["consent"],
                created_at=from_us(row["created_at_us"]),
                samples=tuple(samples.get(row["id"], ())),
            )
            for row in rows
        ]
