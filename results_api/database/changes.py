"""Changes of several recordings in one transaction: read and lock them, work the changes out, write what came of it.

One transaction for many recordings costs about as much as for one: the disk is waited for once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from results_api.database import retained, rows
from results_api.database import searchable as search
from results_api.database.connections import padded
from results_api.database.recording import Recording
from results_api.database.tables import labels, plans, recordings
from results_api.search.searchable import Searchable

Change = Callable[[Recording | None], Recording | None]


class Taken(Exception):
    """Somebody else was the first to hear of a recording: its changes are worked out from what he stored."""


TAKEN = Taken()
Answer = Recording | Exception | None
"""What is stored after a change, or what the change raised."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One change; see Database.change."""

    media_id: str
    change: Change
    published: int | None = None
    searchable: Searchable | None = None


@dataclass(slots=True)
class Draft:
    """A recording as it was read, and what becomes of it in this transaction."""

    known: Recording | None
    made: Recording | None
    planned: list[Recording] = field(default_factory=list)
    """As they were when a plan was made of them."""
    published: list[int] = field(default_factory=list)
    searchable: list[Searchable] = field(default_factory=list)
    """Kept of them is the one of the version that is shown."""

    def apply(self, wanted: Wanted) -> Recording | None:
        before, after = self.made, wanted.change(self.made)
        if after is None:
            return before
        if after is not before:
            after = self.made = replace(after, revision=after.revision + 1)
            if after.view.deleted_at is not None:
                self.planned.clear()
            elif after.planned_version > (before.planned_version if before else 0):
                self.planned.append(after)
        if wanted.published is not None:
            self.published.append(wanted.published)
        if wanted.searchable is not None:
            self.searchable.append(wanted.searchable)
        return after

    @property
    def found(self) -> list[Searchable]:
        """What can be searched from now on."""
        outcome = self.made.outcome if self.made and self.made.view.deleted_at is None else None
        if outcome is None or outcome.status != "completed":
            return []
        return [one for one in self.searchable if one.version == outcome.version]


def carry_out(connection: sa.Connection, wanted: Sequence[Wanted]) -> list[Answer]:
    """Answers in order; TAKEN are to be wanted once more, in another transaction.

    Raises:
        DBAPIError: the database is in trouble or refuses one of the rows. Nothing is to be stored.
    """
    drafts = _read(connection, {one.media_id for one in wanted})
    answers = [_answer(drafts[one.media_id], one) for one in wanted]
    taken = _write(connection, drafts)
    return [TAKEN if one.media_id in taken else answer for one, answer in zip(wanted, answers, strict=True)]


def _answer(draft: Draft, wanted: Wanted) -> Answer:
    try:
        return draft.apply(wanted)
    except Exception as error:
        return error


def _read(connection: sa.Connection, media_ids: set[str]) -> dict[str, Draft]:
    # All in one order, so that no two transactions wait for each other.
    query = _SELECT.where(recordings.c.media_id.in_(padded(sorted(media_ids))))
    found = (connection.execute(query)).mappings().all()
    known = {row["media_id"]: rows.recording_of(dict(row)) for row in found}
    return {media_id: Draft(known.get(media_id), known.get(media_id)) for media_id in sorted(media_ids)}


def _write(connection: sa.Connection, drafts: Mapping[str, Draft]) -> set[str]:
    """Returns the new recordings that somebody else has stored meanwhile; nothing of those is written."""
    new = [draft.made for draft in drafts.values() if draft.known is None and draft.made is not None]
    taken = _insert(connection, [rows.row_of(one) for one in new])
    mine = [draft for media_id, draft in drafts.items() if draft.made is not None and media_id not in taken]
    changed = [draft for draft in mine if draft.made is not draft.known]
    updated = [draft.made for draft in changed if draft.known is not None and draft.made is not None]
    deleted = [draft for draft in changed if draft.made is not None and draft.made.view.deleted_at is not None]
    relabelled = [draft for draft in changed if _labels(draft.known) != _labels(draft.made)]

    _each(connection, _UPDATE, [_renamed(one) for one in updated])
    _each(connection, _INSERT_PLAN, [rows.row_of_plan(planned) for draft in mine for planned in draft.planned])
    _each(connection, _DELETE_PLANS, [_of(draft) for draft in deleted])
    _each(connection, _DELETE_PLAN, [{**_of(draft), "which": version} for draft in mine for version in draft.published])
    _each(connection, _DELETE_LABELS, [_of(draft) for draft in relabelled if _labels(draft.known)])
    _each(connection, _INSERT_LABEL, [row for draft in relabelled for row in _labels(draft.made)])
    for draft in deleted:
        search.remove(connection, _of(draft)["of"])
    for draft in mine:
        for result in draft.found:
            search.put(connection, result)
    retained.count(connection, [(draft.known, draft.made) for draft in changed if draft.made is not None])
    return taken


def _insert(connection: sa.Connection, new: list[dict[str, Any]]) -> set[str]:
    """Returns those that are there already."""
    if not new:
        return set()
    if connection.dialect.name == "sqlite":
        # The only writer: nobody can have been faster.
        connection.execute(_INSERT, new)
        return set()
    inserted = set((connection.execute(_INSERT_IF_ABSENT, new)).scalars())
    return {row["media_id"] for row in new} - inserted


def _each(connection: sa.Connection, statement: sa.Executable, values: list[dict[str, Any]]) -> None:
    if values:
        connection.execute(statement, values)


def _labels(recording: Recording | None) -> list[dict[str, str]]:
    return rows.label_rows(recording) if recording else []


def _of(draft: Draft) -> dict[str, Any]:
    assert draft.made is not None
    return {"of": draft.made.media_id}


def _renamed(recording: Recording) -> dict[str, Any]:
    """A row for ``_UPDATE``, whose parameters may not have the names of all columns that it compares."""
    row = rows.row_of(recording)
    return {"of": row.pop("media_id"), **row}


_SELECT = sa.select(recordings).order_by(recordings.c.media_id).with_for_update()
_INSERT = sa.insert(recordings)
_INSERT_IF_ABSENT = postgresql.insert(recordings).on_conflict_do_nothing().returning(recordings.c.media_id)
_UPDATE = (
    sa.update(recordings)
    .where(recordings.c.media_id == sa.bindparam("of"))
    .values({column.name: sa.bindparam(column.name) for column in recordings.c if not column.primary_key})
)
_INSERT_PLAN = sa.insert(plans)
_DELETE_PLAN = sa.delete(plans).where(plans.c.media_id == sa.bindparam("of"), plans.c.version == sa.bindparam("which"))
_DELETE_PLANS = sa.delete(plans).where(plans.c.media_id == sa.bindparam("of"))
_INSERT_LABEL = sa.insert(labels)
_DELETE_LABELS = sa.delete(labels).where(labels.c.media_id == sa.bindparam("of"))
