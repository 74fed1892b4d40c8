"""What waits, by tenant and lane: one query over the recordings that have not ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from polyvox.contracts import Lane, LaneBacklog, TenantBacklog
from results_api.database.connections import transaction
from results_api.database.rows import from_us
from results_api.database.tables import recordings as table


@dataclass(frozen=True, slots=True)
class Stage:
    """Work that waits for one stage."""

    audio_s: float
    recordings: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one tenant in one lane. ``stages`` by name."""

    tenant: str
    lane: Lane
    recordings: int
    counted_to: datetime | None
    stages: dict[str, Stage]

    @property
    def backlog(self) -> LaneBacklog:
        audio_s = self.stages["normalise"].audio_s + self.stages["transcribe"].audio_s
        return LaneBacklog(recordings=self.recordings, audio_s=round(audio_s, 3), counted_to=self.counted_to)


COLUMNS = {"normalise": table.c.normalise_s, "transcribe": table.c.transcribe_s, "diarize": table.c.diarize_s}
STAGES = tuple(COLUMNS)
# Literals: the planner sees that few recordings have these statuses.
_NOTHING: sa.ColumnClause[float] = sa.literal_column("0.0")
_UNFINISHED = table.c.status.in_([sa.literal_column(f"'{status}'") for status in ("queued", "processing")])


async def tallies(engine: AsyncEngine) -> list[Tally]:
    """Raises Unavailable."""
    sums = [sa.func.coalesce(sa.func.sum(column), _NOTHING).label(f"{stage}_s") for stage, column in COLUMNS.items()]
    # A count of what is not NULL: nothing waits for a stage where its column is 0.
    counts = [sa.func.count(sa.func.nullif(column, _NOTHING)).label(f"{stage}_n") for stage, column in COLUMNS.items()]
    query = (
        sa.select(
            table.c.tenant,
            table.c.lane,
            sa.func.count().label("recordings"),
            sa.func.max(table.c.created_at_us).label("newest_us"),
            *sums,
            *counts,
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
            counted_to=None if row["newest_us"] is None else from_us(row["newest_us"]),
            stages={stage: Stage(float(row[f"{stage}_s"]), row[f"{stage}_n"]) for stage in COLUMNS},
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


def by_stage(found: Iterable[Tally]) -> dict[tuple[str, Lane], Stage]:
    """Of all tenants together, with zeros for what does not wait. Pure."""
    lanes: tuple[Lane, ...] = ("interactive", "bulk")
    total = {(stage, lane): Stage(0.0, 0) for stage in STAGES for lane in lanes}
    for tally in found:
        for name, stage in tally.stages.items():
            known = total[name, tally.lane]
            total[name, tally.lane] = Stage(known.audio_s + stage.audio_s, known.recordings + stage.recordings)
    return total
