"""The services of this package, as the entry points in pyproject.toml name them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from polyvox import topics, weights
from polyvox.child.pool import warmed
from polyvox.contracts import PartReady, RetakeReady, TenantBacklog
from polyvox.following import Follower, follow
from polyvox.metrics import process_metrics
from polyvox.publish import Publisher
from polyvox.service import Runtime, Service
from polyvox.tenants import TenantClasses
from polyvox.weights.own import OwnModels
from polyvox.worker import Worker, worker_of
from transcriber.everywhere import Everywhere
from transcriber.handler import Handler
from transcriber.measuring import Measuring
from transcriber.overflow import Overflow
from transcriber.retakes import PartsAndRetakes, Retakes

NAME = "transcriber"


async def work(runtime: Runtime) -> None:
    """Turn parts into words until the process stops.

    Raises:
        Fatal: parts are to go elsewhere, and there is no key, or none that is taken.
    """
    settings = runtime.settings
    own = OwnModels.of(settings.transcriber_models)
    engines = Everywhere(settings, process_metrics(), runtime.clock)

    async def provide(model: str) -> None:
        if model in own:
            await own.provide(model, hf_token=settings.hf_token)
        else:
            await weights.pull_async(weights.for_transcriber(model), settings.weights_dir, hf_token=settings.hf_token)

    measuring = Measuring(
        process_metrics(),
        TenantClasses(settings.tenant_classes),
        engines.default_model,
        frozenset({settings.openai_model, *settings.openai_models, *settings.transcriber_models}),
    )
    publisher = Publisher(runtime.log, runtime.clock, f"/polyvox/{NAME}")
    handler = Handler(
        runtime.store,
        publisher,
        runtime.clock,
        transcribe=engines.transcribe,
        provide=provide,
        engine=settings.transcriber_engine,
        model=settings.transcriber_model,
        measure=measuring.transcribed,
        remote_model=settings.openai_model,
        overflow=engines.overflow,
    )
    both = PartsAndRetakes(handler, Retakes(runtime.store, publisher, runtime.clock, handler))
    worker = worker_of(
        runtime,
        name=NAME,
        topics=topics.laned(PartReady.TOPIC, RetakeReady.TOPIC),
        handler=both.handle,
        on_give_up=both.give_up,
        concurrency=engines.places,
    )
    async with warmed(engines), _told(runtime, engines.overflow, worker):
        await worker.run(runtime.stopping)


@asynccontextmanager
async def _told(runtime: Runtime, overflow: Overflow | None, worker: Worker) -> AsyncIterator[None]:
    """Meanwhile ``overflow`` hears what waits, and the worker has the places that follow from it."""
    if overflow is None:
        yield
        return
    overflow.on_change(worker.resize)
    follower = Follower(runtime.log, TenantBacklog.TOPIC, overflow.heard)
    following = asyncio.create_task(follow(runtime, follower, what="the backlog of tenants"))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


TRANSCRIBER = Service(name=NAME, work=work)
