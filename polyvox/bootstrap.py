"""From settings to the adapters behind the ports. The one place that knows which adapters there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points

from polyvox import metrics, topics
from polyvox.clock import SystemClock
from polyvox.errors import Fatal
from polyvox.service import Runtime, Service
from polyvox.settings import Settings

GROUP = "polyvox.services"


@asynccontextmanager
async def runtime(settings: Settings, *, member: str) -> AsyncIterator[Runtime]:
    """Open the log and the store, create what topics are missing, and close all at the end.

    From here on this process counts into Prometheus metrics.
    """
    from polyvox.adapters.embedded_log import EmbeddedLog
    from polyvox.adapters.filesystem import FolderStore
    from polyvox.adapters.prometheus import PrometheusMetrics

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.scratch_path.mkdir(parents=True, exist_ok=True)
    metrics.use(PrometheusMetrics())
    clock = SystemClock()
    log = EmbeddedLog(settings.log_path, clock=clock)
    store = FolderStore(settings.objects_path)
    try:
        await log.ensure_topics(topics.configs())
        yield Runtime(settings=settings, log=log, store=store, clock=clock, member=member)
    finally:
        await store.close()
        await log.close()


def service_names() -> list[str]:
    """Names of all installed services."""
    return sorted(point.name for point in entry_points(group=GROUP))


def load_service(name: str) -> Service:
    """Load one service by its entry-point name.

    Raises:
        Fatal: there is no such service, or a package it needs is not installed.
    """
    for point in entry_points(group=GROUP, name=name):
        try:
            service = point.load()
        except ImportError as error:
            raise Fatal(
                f"the service {name} cannot start: {error}. "
                "Install what it needs, for example with: pip install 'polyvox[all]'"
            ) from error
        if not isinstance(service, Service):
            raise Fatal(f"the entry point {name} = {point.value} is not a Service")
        return service
    raise Fatal(f"there is no service {name!r}; there are: {', '.join(service_names()) or 'none'}")
