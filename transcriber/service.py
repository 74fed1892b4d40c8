"""The services of this package, as the entry points in pyproject.toml name them."""

from __future__ import annotations

from polyvox import topics, weights
from polyvox.child.pool import warmed
from polyvox.contracts import PartReady
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime, Service
from polyvox.tenants import TenantClasses
from polyvox.worker import worker_of
from transcriber.children import Models
from transcriber.handler import Handler
from transcriber.measuring import Measuring

NAME = "transcriber"


async def work(runtime: Runtime) -> None:
    """Turn parts into words until the process stops."""
    settings = runtime.settings
    models = Models(settings, process_metrics())

    async def provide(model: str) -> None:
        await weights.pull_async(weights.for_transcriber(model), settings.weights_dir, hf_token=settings.hf_token)

    measuring = Measuring(process_metrics(), TenantClasses(settings.tenant_classes), settings.transcriber_model)
    handler = Handler(
        runtime.store,
        Publisher(runtime.log, runtime.clock, f"/polyvox/{NAME}"),
        runtime.clock,
        transcribe=models.transcribe,
        provide=provide,
        engine=settings.transcriber_engine,
        model=settings.transcriber_model,
        measure=measuring.transcribed,
    )
    worker = worker_of(
        runtime,
        name=NAME,
        topics=topics.laned(PartReady.TOPIC),
        handler=handler.handle,
        on_give_up=handler.give_up,
        concurrency=settings.transcriber_concurrency * models.shared,
    )
    async with warmed(models):
        await worker.run(runtime.stopping)


TRANSCRIBER = Service(name=NAME, work=work)
