"""The service of this package, as the entry point in pyproject.toml names it."""

from __future__ import annotations

from diarizer.children import EngineProcesses
from diarizer.handler import Diarizer
from diarizer.measuring import Measuring
from polyvox import topics
from polyvox.child.pool import warmed
from polyvox.contracts import MediaReady
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime, Service
from polyvox.tenants import TenantClasses
from polyvox.worker import worker_of

NAME = "diarizer"


async def work(runtime: Runtime) -> None:
    """Diarize recordings until the runtime stops."""
    await work_with(EngineProcesses(runtime.settings), runtime)


async def work_with(engines: EngineProcesses, runtime: Runtime) -> None:
    """As ``work``; closes ``engines`` at the end."""
    settings = runtime.settings
    publisher = Publisher(runtime.log, runtime.clock, f"/polyvox/{NAME}")
    diarizer = Diarizer(
        runtime.store,
        publisher,
        runtime.clock,
        engines,
        pipeline=settings.diarizer_pipeline,
        measure=Measuring(process_metrics(), TenantClasses(settings.tenant_classes)).diarized,
    )
    worker = worker_of(
        runtime,
        name=NAME,
        topics=topics.laned(MediaReady.TOPIC),
        handler=diarizer.handle,
        concurrency=settings.diarizer_concurrency,
        on_give_up=diarizer.give_up,
    )
    async with warmed(engines):
        await worker.run(runtime.stopping)


DIARIZER = Service(name=NAME, work=work)
