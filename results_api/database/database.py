"""The results database: recordings, changed one after the other, and what is planned to be published.

A change is worked out in memory from what was read, while its row is locked. So events of one
recording may be folded by several processes. What waits for its turn shares one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from polyvox.contracts import StageFailed
from results_api.database import changes, rows
from results_api.database.batches import Batches
from results_api.database.changes import Answer, Change, Wanted
from results_api.database.connections import CONNECTIONS, engine_of, padded, reading, transaction
from results_api.database.known import Known
from results_api.database.near import NearRows
from results_api.database.recording import Plan, Recording
from results_api.database.tables import AUDIO_TO_REMOVE, TO_REMOVE, plans, recordings
from results_api.database.writers import writer_of
from results_api.search.searchable import Searchable

# Made once: that alone takes longer than SQLite takes to find a row.
_RECORDING = sa.select(recordings).where(recordings.c.media_id == sa.bindparam("media_id"))
_REVISION = sa.select(recordings.c.revision).where(recordings.c.media_id == sa.bindparam("key"))
_REVISION_SQL = str(_REVISION.compile(dialect=sqlite.dialect(paramstyle="named")))
_PLANS = sa.select(plans).where(plans.c.media_id == sa.bindparam("media_id")).order_by(plans.c.version)
IDS_MAX = 512
BATCH_MAX = 64

T = TypeVar("T")


class Database:
    """Every call raises Unavailable when the database is in trouble. Connects at the first call."""

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self.engine = engine_of(url, connections=connections)
        self._near = NearRows(self.engine.url) if self.engine.dialect.name == "sqlite" else None
        self._known = Known()
        self._writer = writer_of(self.engine)
        self._changes = Batches(self._change_some, most=BATCH_MAX)
        self._planned = Batches(self._are_planned, most=BATCH_MAX)

    async def close(self) -> None:
        await self._changes.close()
        await self._planned.close()
        await self._writer.close()
        if self._near is not None:
            self._near.close()
        await self.engine.dispose()

    async def get(self, media_id: str) -> Recording | None:
        found = await self._rows(_RECORDING, media_id)
        return rows.recording_of(found[0]) if found else None

    async def look(self, media_id: str) -> Recording | None:
        """As ``get``, for who asks for the same again and again: what has the revision that was read last is not read
        once more."""
        known = self._known.get(media_id)
        if known is not None and await self._revision(media_id) == known.revision:
            return known
        found = await self._rows(_RECORDING, media_id)
        if not found:
            self._known.forget(media_id)
            return None
        return self._known.keep(rows.recording_of(found[0]), size_chars=len(found[0]["view"]))

    async def read(self, work: Callable[[sa.Connection], T], *, kind: str) -> T:
        """What ``work`` makes of its queries, which change nothing. It may be called twice, and must not make None.

        ``kind``: those of one kind take about as long.
        """
        near = self._near.read(work, kind=kind) if self._near is not None else None
        if near is not None:
            return near
        async with transaction(self.engine) as connection:
            return await connection.run_sync(work)

    async def change(
        self, media_id: str, change: Change, *, published: int | None = None, searchable: Searchable | None = None
    ) -> Recording | None:
        """Replace a recording by what ``change`` makes of it; returns what is stored then.

        ``change`` may be called several times. The same object, or None, means: leave it.
        A greater ``planned_version`` stores a plan; ``published`` is the version of a plan
        that is done with, and ``searchable`` what is found by searching if that version is the one
        that is shown then. The plans of a deleted recording go as well, and nothing of it is found.
        """
        return await self._changes.ask(Wanted(media_id, change, published, searchable))

    async def plans(self, media_id: str) -> list[Plan]:
        """What is to be published of a recording, oldest version first."""
        return [rows.plan_of(row) for row in await self._rows(_PLANS, media_id)]

    async def _rows(self, query: sa.Select[Any], media_id: str) -> list[dict[str, Any]]:
        asked = {"media_id": media_id}
        near = self._near.all(query, asked) if self._near is not None else None
        if near is not None:
            return near
        async with reading(self.engine) as connection:
            return [dict(row) for row in (await connection.execute(query, asked)).mappings()]

    async def _revision(self, media_id: str) -> int | None:
        near = self._near.number(_REVISION_SQL, media_id) if self._near is not None else None
        if near is not None:
            return near
        async with reading(self.engine) as connection:
            return (await connection.execute(_REVISION, {"key": media_id})).scalar()

    async def is_planned(self, plan: Plan) -> bool:
        """False once it is published, or its recording deleted."""
        return await self._planned.ask(plan)

    async def lose(self, plan: Plan, lost: Mapping[str, StageFailed]) -> Plan | None:
        """Note what a plan has to do without; None when it is not planned any more."""
        amended = replace(plan, lost={**plan.lost, **lost})
        update = sa.update(plans).where(_is(plan)).values(lost=rows.lost_json(amended.lost))
        async with transaction(self.engine) as connection:
            return amended if (await connection.execute(update)).rowcount else None

    async def unfinished(self, before: datetime) -> tuple[list[str], list[str]]:
        """Recordings with plans from before then, and deleted ones that were not removed by then."""
        planned = sa.select(plans.c.media_id).distinct().where(plans.c.planned_at_us < rows.to_us(before))
        deleted = to_remove(TO_REMOVE, before)
        async with transaction(self.engine) as connection:
            return list(await connection.scalars(planned)), list(await connection.scalars(deleted))

    async def audio_to_remove(self, before: datetime) -> list[str]:
        """Recordings whose audio was to be removed before then, and was not, or nobody was told."""
        async with reading(self.engine) as connection:
            return list(await connection.scalars(to_remove(AUDIO_TO_REMOVE, before)))

    async def without_speakers(self, before: datetime) -> list[str]:
        """Recordings that have nothing left to wait for but their speakers, and nothing new since then."""
        query = sa.select(recordings.c.media_id).where(
            recordings.c.status == "processing",
            recordings.c.normalise_s == 0,
            recordings.c.transcribe_s == 0,
            recordings.c.diarize_s > 0,
            recordings.c.updated_at_us < rows.to_us(before),
        )
        async with reading(self.engine) as connection:
            return list(await connection.scalars(query))

    async def revisions(self, media_ids: Iterable[str]) -> dict[str, int]:
        """Revisions of those of ``media_ids`` that are known."""
        wanted = list(media_ids)
        found: dict[str, int] = {}
        async with reading(self.engine) as connection:
            for start in range(0, len(wanted), IDS_MAX):
                some = recordings.c.media_id.in_(padded(wanted[start : start + IDS_MAX]))
                query = sa.select(recordings.c.media_id, recordings.c.revision).where(some)
                found.update((row.media_id, row.revision) for row in await connection.execute(query))
        return found

    async def _change_some(self, wanted: list[Wanted]) -> list[Answer]:
        try:
            answers = await self._writer.write(lambda connection: changes.carry_out(connection, wanted))
        except DBAPIError as error:
            if len(wanted) == 1:
                return [error]
            # One of them is refused: the others must not go down with it.
            return [answer for one in wanted for answer in await self._change_some([one])]
        if again := [n for n, answer in enumerate(answers) if answer is changes.TAKEN]:
            for n, answer in zip(again, await self._change_some([wanted[n] for n in again]), strict=True):
                answers[n] = answer
        return answers

    async def _are_planned(self, asked: list[Plan]) -> list[bool]:
        media_ids = padded(sorted({plan.media_id for plan in asked}))
        query = sa.select(plans.c.media_id, plans.c.version).where(plans.c.media_id.in_(media_ids))
        async with reading(self.engine) as connection:
            found = {(row.media_id, row.version) for row in await connection.execute(query)}
        return [(plan.media_id, plan.version) in found for plan in asked]


def to_remove(which: sa.ColumnElement[bool], before: datetime) -> sa.Select[tuple[str]]:
    return sa.select(recordings.c.media_id).where(which, recordings.c.updated_at_us < rows.to_us(before))


def _is(plan: Plan) -> sa.ColumnElement[bool]:
    return (plans.c.media_id == plan.media_id) & (plans.c.version == plan.version)
