"""What went because of its age, counted by tenant and day in the transaction that says it is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from results_api.database.recording import Recording, owner
from results_api.database.tables import retention

RETENTION = "retention"
"""The reason that events give."""


def count(connection: sa.Connection, changes: Iterable[tuple[Recording | None, Recording]]) -> None:
    """Count those of ``changes``, from what was to what is, with which something is gone: once for each."""
    gone = Counter(key for before, after in changes if (key := _key(before, after)))
    if not gone:
        return
    kind = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = kind.insert(retention)
    upsert = insert.on_conflict_do_update(
        index_elements=[retention.c.tenant, retention.c.what, retention.c.day],
        set_={"recordings": retention.c.recordings + insert.excluded.recordings},
    )
    # In one order, so that no two transactions wait for each other.
    for (tenant, what, day), recordings in sorted(gone.items()):
        connection.execute(upsert, {"tenant": tenant, "what": what, "day": day, "recordings": recordings})


def _key(before: Recording | None, after: Recording) -> tuple[str, str, str] | None:
    """Tenant, what and day; None where nothing is gone with this change because of its age."""
    view = after.view
    if not after.removed or (
        before and before.removed and (before.view.deleted_at is None) == (view.deleted_at is None)
    ):
        return None
    what, at, because = (
        ("text", view.deleted_at, view.deleted_because)
        if view.deleted_at is not None
        else ("audio", view.audio_removed_at, view.audio_removed_because)
    )
    if at is None or because != RETENTION:
        return None
    return owner(view)["tenant"], what, at.astimezone(UTC).date().isoformat()
