"""The service that watches buckets. Without watches it does nothing and ends with the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from ingest import backlog
from ingest.admission import Admission
from ingest.bucket.batches import Batches
from ingest.bucket.intake import Intake
from ingest.bucket.leftovers import Leftovers
from ingest.bucket.notified import GROUP, Notified
from ingest.bucket.queue import Carrier
from ingest.bucket.sweep import Sweep
from ingest.bucket.watches import load_watches
from ingest.upload.options import Known
from polyvox.errors import PolyvoxError, Transient
from polyvox.metrics import process_metrics
from polyvox.ports import ObjectStore
from polyvox.publish import Publisher
from polyvox.service import Runtime, Service
from polyvox.topics import BUCKET_EVENTS

log = logging.getLogger(__name__)

SOURCE = "/polyvox/bucket-watcher"
HELD_EVERY_S = 1.0
LEFTOVERS_EVERY_S = 300.0
LAST_BATCHES_S = 5.0


async def work(runtime: Runtime) -> None:
    """Watch until the process stops.

    Raises:
        Fatal: the watches in the settings are not valid.
    """
    settings = runtime.settings
    watches = load_watches(settings)
    if not list(watches):
        await runtime.stopping.wait()
        return
    for watch in watches:
        whose = "the tenants its folders name" if watch.tenant_folders else f"tenant {watch.tenant}"
        log.info("watching %s for %s in lane %s", watch, whose, watch.lane)

    def store_of(bucket: str | None) -> ObjectStore:
        return runtime.store if bucket is None else runtime.bucket(bucket)

    publisher = Publisher(runtime.log, runtime.clock, SOURCE)
    batches = Batches(runtime.store, publisher, runtime.clock, member=runtime.member)
    admission = Admission.of(settings, runtime.clock)
    intake = Intake(
        watches,
        known=Known.of(settings),
        store_of=store_of,
        batches=batches,
        admission=admission,
        clock=runtime.clock,
        metrics=process_metrics(),
        at_once=settings.bucket_concurrency,
    )
    sweep = Sweep(
        intake,
        runtime.store,
        store_of,
        runtime.clock,
        process_metrics(),
        settings.sweep_every_s,
        settings.sweep_at_most_s,
    )
    leftovers = Leftovers(runtime.store, runtime.log, publisher, runtime.clock)
    reader = Notified(runtime.log, intake, runtime.clock, process_metrics())
    notified = reader.run(
        list(dict.fromkeys((BUCKET_EVENTS.name, settings.bucket_events_topic))),
        member=f"{GROUP}-{runtime.member}",
        session_timeout_s=settings.session_timeout_s,
        drain_timeout_s=settings.drain_timeout_s,
        stopping=runtime.stopping,
    )
    carriers = [
        Carrier(queue, runtime.log, BUCKET_EVENTS.name, runtime.clock, process_metrics()) for queue in runtime.queues
    ]
    # Before anything is taken: what this process left when it died, and whose backlog is full.
    await _finish_leftovers(leftovers, runtime.member)
    await _know_backlog(runtime, admission)
    await _together(
        runtime,
        notified,
        backlog.follow(runtime, admission),
        sweep.run(runtime.stopping),
        _take_held(intake, runtime),
        _keep_finishing(leftovers, runtime),
        *(carrier.run(runtime.stopping) for carrier in carriers),
    )
    await batches.finish(LAST_BATCHES_S)


async def _together(runtime: Runtime, reader: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> None:
    """Run all until the process stops, and ``reader`` until it has finished what it has in hand; raises what fails."""
    reading = asyncio.create_task(reader)
    tasks = [reading, *(asyncio.create_task(other) for other in others)]
    stop = asyncio.create_task(runtime.stopping.wait())
    try:
        ended, _ = await asyncio.wait([*tasks, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            await task
        await reading
    finally:
        for task in (*tasks, stop):
            task.cancel()
        await asyncio.gather(*tasks, stop, return_exceptions=True)


async def _know_backlog(runtime: Runtime, admission: Admission) -> None:
    try:
        await backlog.Follower(runtime.log, admission).catch_up()
    except PolyvoxError as error:
        log.warning("the backlog of tenants is not known yet: %s", error)


async def _take_held(intake: Intake, runtime: Runtime) -> None:
    while not runtime.stopping.is_set():
        with contextlib.suppress(Transient):
            await intake.take_held()
        await runtime.clock.sleep(HELD_EVERY_S)


async def _keep_finishing(leftovers: Leftovers, runtime: Runtime) -> None:
    while not runtime.stopping.is_set():
        await _finish_leftovers(leftovers, None)
        await runtime.clock.sleep(LEFTOVERS_EVERY_S)


async def _finish_leftovers(leftovers: Leftovers, member: str | None) -> None:
    try:
        await leftovers.finish(member=member)
    except PolyvoxError as error:
        log.warning("what a crash left could not be finished and will be tried again: %s", error)


WATCHER = Service(name="bucket-watcher", work=work)
