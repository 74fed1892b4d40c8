"""The service that projects: its worker, and what is done beside it in the same process."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import timedelta

from polyvox.contracts import MediaUploaded
from polyvox.errors import PolyvoxError
from polyvox.ports import TopicPartition
from polyvox.publish import Publisher
from polyvox.service import Runtime
from polyvox.tenants import TenantClasses
from polyvox.worker import worker_of
from results_api.backlog.measuring import Measuring
from results_api.backlog.telling import Telling
from results_api.database.database import Database
from results_api.people.forgetting import Forgetting
from results_api.people.naming import Naming
from results_api.projection.audio_removal import AudioRemoval
from results_api.projection.deletion import Deletion
from results_api.projection.measuring import Measuring as Measured
from results_api.projection.projection import NAME, TOPICS, Projection
from results_api.projection.publication import Publication
from results_api.replays.ledger import Ledger
from results_api.retention.limits import Limits
from results_api.retention.sweep import Retention
from results_api.search.backfill import Backfill
from results_api.search.reindexing import Reindexing

log = logging.getLogger(__name__)

CONCURRENCY = 64
"""Waiting for disk and network, not computing: merges run in threads. Many at a time share a transaction."""
SWEEP_EVERY_S = 60.0


async def work(runtime: Runtime) -> None:
    """``Service.work``: project until the runtime stops."""
    settings = runtime.settings
    database = Database(settings.database_url, connections=settings.database_connections)
    publisher = Publisher(runtime.log, runtime.clock, "/polyvox/projection")
    deletion = Deletion(database, runtime.store, publisher, runtime.clock)
    audio_removal = AudioRemoval(database, runtime.store, publisher, runtime.clock)
    naming = Naming.of(settings, database)
    projection = Projection(
        database,
        Publication(
            database,
            runtime.store,
            publisher,
            runtime.clock,
            measuring=Measured.of(settings),
            retake_gap_s=settings.retake_gap_s or math.inf,
            naming=naming,
        ),
        deletion,
        audio_removal,
        Ledger(database),
        timedelta(seconds=settings.speakers_wait_s),
    )
    worker = worker_of(
        runtime,
        name=NAME,
        topics=TOPICS,
        handler=projection.handle,
        concurrency=CONCURRENCY,
        on_give_up=projection.give_up,
        # To fold an event costs the same whatever the length of its recording.
        share_by="messages",
    )
    # One of all projections, whichever it is, counts what waits.
    first = TopicPartition(MediaUploaded.TOPIC, 0)
    telling = Telling(
        database.engine,
        runtime.log,
        publisher,
        runtime.clock,
        mine=lambda: worker.owns(first),
        measuring=Measuring.of(settings),
    )
    teller = asyncio.create_task(telling.run(), name="backlog of the projection")
    backfill = Backfill(database, runtime.store, runtime.clock, mine=lambda: worker.owns(first))
    reindexing = Reindexing(settings.database_url, runtime.clock, mine=lambda: worker.owns(first))
    retention = Retention(
        database,
        deletion,
        audio_removal,
        runtime.clock,
        Limits.of(settings),
        mine=lambda: worker.owns(first),
        classes=TenantClasses(settings.tenant_classes),
    )
    forgetting = Forgetting(
        naming.people, database, projection.publication, runtime.clock, mine=lambda: worker.owns(first)
    )
    others = (
        teller,
        asyncio.create_task(_sweep(projection, runtime), name="sweep of the projection"),
        asyncio.create_task(backfill.run(), name="older results made searchable"),
        asyncio.create_task(reindexing.run(), name="index of words made anew"),
        asyncio.create_task(retention.run(), name="retention"),
        asyncio.create_task(forgetting.run(), name="names of forgotten people taken out"),
    )
    try:
        await worker.run(runtime.stopping)
    finally:
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await database.close()


async def _sweep(projection: Projection, runtime: Runtime) -> None:
    while True:
        try:
            await projection.sweep()
        except PolyvoxError as error:
            log.warning("the sweep is put off: %s", error)
        await runtime.clock.sleep(SWEEP_EVERY_S)
