"""The services of this package, as the entry points in pyproject.toml name them."""

from __future__ import annotations

from typing import Any

from polyvox import topics, weights
from polyvox.child.pool import warmed
from polyvox.contracts import Envelope, PartReady, RetakeReady
from polyvox.errors import PolyvoxError
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime, Service
from polyvox.tenants import TenantClasses
from polyvox.worker import worker_of
from transcriber.children import Models
from transcriber.handler import Handler
from transcriber.measuring import Measuring
from transcriber.retakes import Retakes

NAME = "transcriber"


async def work(runtime: Runtime) -> None:
    """Turn parts into words until the process stops."""
    settings = runtime.settings
    models = Models(settings, process_metrics())

    async def provide(model: str) -> None:
        await weights.pull_async(weights.for_transcriber(model), settings.weights_dir, hf_token=settings.hf_token)

    measuring = Measuring(process_metrics(), TenantClasses(settings.tenant_classes), settings.transcriber_model)
    publisher = Publisher(runtime.log, runtime.clock, f"/polyvox/{NAME}")
    handler = Handler(
        runtime.store,
        publisher,
        runtime.clock,
        transcribe=models.transcribe,
        provide=provide,
        engine=settings.transcriber_engine,
        model=settings.transcriber_model,
        measure=measuring.transcribed,
    )
    retakes = Retakes(runtime.store, publisher, runtime.clock, handler)

    def hand_of(envelope: Envelope[Any]) -> Handler | Retakes:
        return retakes if isinstance(envelope.data, RetakeReady) else handler

    async def handle(envelope: Envelope[Any]) -> None:
        await hand_of(envelope).handle(envelope)

    async def give_up(envelope: Envelope[Any], error: PolyvoxError, attempts: int) -> None:
        await hand_of(envelope).give_up(envelope, error, attempts)

    worker = worker_of(
        runtime,
        name=NAME,
        topics=topics.laned(PartReady.TOPIC, RetakeReady.TOPIC),
        handler=handle,
        on_give_up=give_up,
        concurrency=settings.transcriber_concurrency * models.shared,
    )
    async with warmed(models):
        await worker.run(runtime.stopping)


TRANSCRIBER = Service(name=NAME, work=work)
