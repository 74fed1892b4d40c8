"""What waits, by tenant and lane: one query over the recordings that have not ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from polyvox.contracts import Lane, LaneBacklog, TenantBacklog
from results_api.database.connections import transaction
from results_api.database.rows import from_us, to_us
from results_api.database.tables import recordings as table


@dataclass(frozen=True, slots=True)
class Stage:
    """Work that waits for one stage. ``since``: when the upload that waits longest was accepted."""

    audio_s: float = 0.0
    recordings: int = 0
    since: datetime | None = None

    def __add__(self, other: Stage) -> Stage:
        times = [time for time in (self.since, other.since) if time is not None]
        return Stage(self.audio_s + other.audio_s, self.recordings + other.recordings, min(times, default=None))


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one tenant in one lane. ``stages`` by name, ``states`` are queued and processing.

    ``overdue`` recordings came before the time that was asked for.
    """

    tenant: str
    lane: Lane
    recordings: int
    counted_to: datetime | None
    stages: dict[str, Stage]
    states: dict[str, int]
    overdue: int

    @property
    def backlog(self) -> LaneBacklog:
        audio_s = self.stages["normalise"].audio_s + self.stages["transcribe"].audio_s
        return LaneBacklog(recordings=self.recordings, audio_s=round(audio_s, 3), counted_to=self.counted_to)


COLUMNS = {"normalise": table.c.normalise_s, "transcribe": table.c.transcribe_s, "diarize": table.c.diarize_s}
STAGES = tuple(COLUMNS)
# Literals: the planner sees that few recordings have these statuses.
_NOTHING: sa.ColumnClause[float] = sa.literal_column("0.0")
STATES = ("queued", "processing")
_ONE: sa.ColumnClause[int] = sa.literal_column("1")


def _literal(text: str) -> sa.ColumnClause[str]:
    """For words of our own."""
    return sa.literal_column(f"'{text}'")


_UNFINISHED = table.c.status.in_([_literal(status) for status in STATES])


async def tallies(engine: AsyncEngine, due: Mapping[Lane, datetime] | None = None) -> list[Tally]:
    """What waits. By lane ``due`` says before when a recording must have come to be overdue.

    Raises Unavailable.
    """
    sums = [sa.func.coalesce(sa.func.sum(column), _NOTHING).label(f"{stage}_s") for stage, column in COLUMNS.items()]
    # A count of what is not NULL: nothing waits for a stage where its column is 0.
    counts = [sa.func.count(sa.func.nullif(column, _NOTHING)).label(f"{stage}_n") for stage, column in COLUMNS.items()]
    since = [
        sa.func.min(sa.case((column > _NOTHING, table.c.created_at_us))).label(f"{stage}_us")
        for stage, column in COLUMNS.items()
    ]
    late = [
        (table.c.lane == _literal(lane)) & (table.c.created_at_us < sa.literal_column(str(to_us(before))))
        for lane, before in (due or {}).items()
    ]
    overdue = sa.func.count(sa.case((sa.or_(*late), _ONE))) if late else sa.literal_column("0")
    query = (
        sa.select(
            table.c.tenant,
            table.c.lane,
            sa.func.count().label("recordings"),
            sa.func.max(table.c.created_at_us).label("newest_us"),
            sa.func.count(sa.case((table.c.status == _literal("queued"), _ONE))).label("queued"),
            overdue.label("overdue"),
            *sums,
            *counts,
            *since,
        )
        .where(_UNFINISHED)
        .group_by(table.c.tenant, table.c.lane)
    )
    async with transaction(engine) as connection:
        found = (await connection.execute(query)).mappings().all()
    return [
        Tally(
            tenant=row["tenant"],
            lane="bulk" if row["lane"] == "bulk" else "interactive",
            recordings=row["recordings"],
            counted_to=_time(row["newest_us"]),
            stages={
                stage: Stage(float(row[f"{stage}_s"]), row[f"{stage}_n"], _time(row[f"{stage}_us"]))
                for stage in COLUMNS
            },
            states={"queued": row["queued"], "processing": row["recordings"] - row["queued"]},
            overdue=row["overdue"],
        )
        for row in found
    ]


def backlogs(found: Iterable[Tally], as_of: datetime) -> dict[str, TenantBacklog]:
    """What is told of each tenant. Pure."""
    told: dict[str, TenantBacklog] = {}
    for tally in found:
        known = told.get(tally.tenant) or TenantBacklog(tenant=tally.tenant, as_of=as_of)
        told[tally.tenant] = known.model_copy(update={tally.lane: tally.backlog})
    return told


def _time(time_us: int | None) -> datetime | None:
    return None if time_us is None else from_us(time_us)
