"""Whether the results database answers, for ``/ready``."""

from __future__ import annotations

from collections.abc import Mapping

from polyvox.service import Check, Runtime
from results_api.database.database import Database


def checks(runtime: Runtime) -> Mapping[str, Check]:
    """``Service.checks`` of everything that serves from the database."""

    async def answers() -> None:
        # A connection of its own: whether a new one can be had is part of the question.
        database = Database(runtime.settings.database_url)
        try:
            await database.revisions(("ready",))
        finally:
            await database.close()

    return {"database": answers}
