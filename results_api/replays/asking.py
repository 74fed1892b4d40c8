"""Tells every recording that matches an order that a stage is to run again on it.

How far that is lies in the database, so whoever is stopped or killed is followed by another,
who tells the last page again: the events have the same ids, and count once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from polyvox import tracing
from polyvox.contracts import ReplayRequested
from polyvox.errors import Invalid, PolyvoxError
from polyvox.ids import new_media_id
from polyvox.ports import Clock
from polyvox.publish import Publisher
from results_api.database import listing
from results_api.database.database import Database
from results_api.database.listing import Filters
from results_api.database.recording import Recording, owner
from results_api.replays.ledger import Ledger, Ordered
from results_api.replays.order import Order, matches, options_after

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
CLAIM = timedelta(seconds=60)
PAGE = 100


@dataclass(frozen=True, slots=True)
class Asking:
    """Safe to use from any number of processes."""

    database: Database
    ledger: Ledger
    publisher: Publisher
    clock: Clock

    async def order(self, order: Order) -> Ordered:
        """Note the order; ``run``, here or elsewhere, does the rest."""
        now = self.clock.now()
        return await self.ledger.open(new_media_id(now), order, now)

    async def count(self, order: Order) -> tuple[int, list[str]]:
        """How many recordings match now, and the ids of the first of them."""
        count = 0
        first: list[str] = []
        async for page, _ in self._pages(order, None, 0):
            count += len(page)
            first += [recording.media_id for recording in page][: 20 - len(first)]
        return count, first

    async def run(self, nudge: asyncio.Event) -> None:
        """Carry out what is ordered, for ever; ``nudge`` says that there is something new."""
        while True:
            try:
                while ordered := await self.ledger.claim(self.clock.now(), self._until()):
                    await self.carry_out(ordered)
            except PolyvoxError as error:
                log.warning("a replay is interrupted and will go on: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(nudge.wait(), LOOK_EVERY_S)
            nudge.clear()

    async def carry_out(self, ordered: Ordered) -> None:
        """Tell all that were not told yet.

        Raises:
            Transient: log or database is in trouble; what was told is noted.
        """
        told = ordered.requested
        async for page, cursor in self._pages(ordered.order, ordered.cursor, told):
            requests = [self._request(ordered, recording) for recording in page]
            facts = [fact for fact in requests if fact is not None]
            with tracing.doing("replay", self.clock, of_many=True):
                await self.publisher.publish(*facts)
            told += len(facts)
            await self.ledger.note_asked(
                ordered.id, [fact.media_id for fact in facts], cursor=cursor, asked=False, until=self._until()
            )
        await self.ledger.note_asked(ordered.id, (), cursor=None, asked=True, until=self._until())
        log.info("the replay %s of the stage %s was asked of %d recordings", ordered.id, ordered.order.stage, told)

    async def _pages(
        self, order: Order, cursor: str | None, told: int
    ) -> AsyncIterator[tuple[list[Recording], str | None]]:
        """Matching recordings, and where to go on behind them."""
        where = order.where
        if where.media_ids:
            found = [await self.database.get(media_id) for media_id in dict.fromkeys(where.media_ids)]
            yield [one for one in found if one and _is_meant(order, one)][: order.limit], None
            return
        filters = Filters(
            status=where.status,
            language=where.language,
            tenant=where.tenant,
            created_after=where.since - timedelta(microseconds=1) if where.since else None,
            created_before=where.until,
            metadata=where.metadata,
        )
        while order.limit is None or told < order.limit:
            page = await listing.page(self.database, filters, limit=PAGE, cursor=cursor)
            known = [await self.database.get(summary.media_id) for summary in page.summaries]
            matching = [one for one in known if one and matches(order, one)]
            if order.limit is not None:
                matching = matching[: order.limit - told]
            told += len(matching)
            cursor = page.next_cursor
            yield matching, cursor
            if cursor is None:
                return

    def _request(self, ordered: Ordered, recording: Recording) -> ReplayRequested | None:
        view = recording.current
        try:
            options = options_after(ordered.order, view.options)
        except Invalid as error:
            log.warning("%s is left out of the replay %s: %s", recording.media_id, ordered.id, error.code)
            return None
        return ReplayRequested(
            media_id=recording.media_id,
            tenant=owner(view)["tenant"],
            lane="bulk",
            replay=ordered.id,
            stage=ordered.order.stage,
            options=options,
            force=ordered.order.force or None,
            requested_at=ordered.created_at,
        )

    def _until(self) -> datetime:
        return self.clock.now() + CLAIM


def _is_meant(order: Order, recording: Recording) -> bool:
    where = order.where
    at = recording.created_at
    return (
        matches(order, recording)
        and where.language in (None, recording.language)
        and where.tenant in (None, owner(recording.view)["tenant"])
        and (where.since is None or (at is not None and at >= where.since))
        and (where.until is None or (at is not None and at < where.until))
        and where.metadata.items() <= recording.view.options.metadata.items()
    )
