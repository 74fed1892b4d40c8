"""A worker as the settings of its process want it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from polyvox.contracts import Envelope
from polyvox.errors import PolyvoxError
from polyvox.service import Runtime
from polyvox.worker.worker import Worker


def worker_of(
    runtime: Runtime,
    *,
    name: str,
    topics: Sequence[str],
    handler: Callable[[Envelope[Any]], Awaitable[None]],
    on_give_up: Callable[[Envelope[Any], PolyvoxError, int], Awaitable[None]],
    concurrency: int,
) -> Worker:
    """The worker ``name`` of this process; see Worker for the arguments."""
    settings = runtime.settings
    return Worker(
        runtime.log,
        runtime.clock,
        name=name,
        topics=topics,
        handler=handler,
        on_give_up=on_give_up,
        member=runtime.member,
        concurrency=concurrency,
        attempts=settings.attempts,
        retry_base_s=settings.retry_base_s,
        retry_max_s=settings.retry_max_s,
        drain_timeout_s=settings.drain_timeout_s,
        session_timeout_s=settings.session_timeout_s,
    )
