"""A worker as the settings of its process want it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from polyvox import keys
from polyvox.contracts import Envelope
from polyvox.errors import NotFound, PolyvoxError
from polyvox.ports import ObjectStore
from polyvox.service import Runtime
from polyvox.tenants import TenantClasses
from polyvox.worker.share import Measure
from polyvox.worker.worker import Worker

logger = logging.getLogger(__name__)

Handler = Callable[[Envelope[Any]], Awaitable[None]]


def worker_of(
    runtime: Runtime,
    *,
    name: str,
    topics: Sequence[str],
    handler: Handler,
    on_give_up: Callable[[Envelope[Any], PolyvoxError, int], Awaitable[None]],
    concurrency: int,
    share_by: Measure = "audio",
) -> Worker:
    """The worker ``name`` of this process; see Worker for the arguments.

    What cannot be done because its recording was deleted meanwhile counts as done.
    """
    settings = runtime.settings
    return Worker(
        runtime.log,
        runtime.clock,
        name=name,
        topics=topics,
        handler=_minding_deletions(handler, runtime.store),
        on_give_up=on_give_up,
        member=runtime.member,
        concurrency=concurrency,
        attempts=settings.attempts,
        retry_base_s=settings.retry_base_s,
        retry_max_s=settings.retry_max_s,
        drain_timeout_s=settings.drain_timeout_s,
        session_timeout_s=settings.session_timeout_s,
        share_by=share_by,
        classes=TenantClasses(settings.tenant_classes),
    )


def _minding_deletions(handler: Handler, store: ObjectStore) -> Handler:
    """A missing object is nobody's failure once the note of its upload is gone: that goes with a deletion alone."""

    async def handle(envelope: Envelope[Any]) -> None:
        try:
            await handler(envelope)
        except NotFound:
            media_id = envelope.data.media_id
            try:
                await store.head(keys.upload_manifest(media_id))
            except NotFound:
                logger.info("%s was deleted before its %s was handled", media_id, envelope.type)
                return
            raise

    return handle
