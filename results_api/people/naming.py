"""Names for the speakers of a result that is about to be made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from polyvox.contracts import Diarization
from polyvox.settings import Settings
from results_api.database.database import Database
from results_api.database.recording import Plan, owner
from results_api.people.people import People
from results_api.people.recognition import Recognised, model_of, recognise


@dataclass(frozen=True, slots=True)
class Naming:
    """Recognises enrolled people for the tenants who want it.

    ``tenants`` None: all of them. Whoever is forgotten, or enrolled, while a result is made may be
    named in it or not; what was forgotten is taken out by `forgetting`.
    """

    people: People
    tenants: frozenset[str] | None
    threshold: float

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Naming:
        return cls(People(database), settings.recognising_tenants, settings.recognition_threshold)

    def is_on(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants

    async def named(self, plan: Plan, diarization: Diarization | None) -> Mapping[str, Recognised]:
        """Which speaker of a result is whom; noted before anybody is told.

        Raises:
            Unavailable: the database is in trouble.
        """
        tenant = owner(plan.view)["tenant"]
        if diarization is None or not self.is_on(tenant):
            return {}
        voices = await self.people.voices(tenant, model_of(diarization))
        found = await asyncio.to_thread(recognise, diarization, voices, threshold=self.threshold)
        if found:
            await self.people.note_named(plan.media_id, plan.version, [one.person for one in found.values()])
        return found
