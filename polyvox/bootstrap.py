"""From settings to the adapters behind the ports. The one place that knows which adapters there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from polyvox import metrics, topics, tracing
from polyvox.clock import SystemClock
from polyvox.errors import Fatal
from polyvox.ports import Clock, EventLog, MessageQueue, ObjectStore
from polyvox.service import Runtime, Service
from polyvox.settings import Settings

if TYPE_CHECKING:
    from polyvox.adapters.otlp import OtlpSpans

GROUP = "polyvox.services"


@asynccontextmanager
async def runtime(settings: Settings, *, member: str) -> AsyncIterator[Runtime]:
    """Open the log and the store, create what topics are missing, and close all at the end.

    From here on this process counts into Prometheus metrics.
    """
    from polyvox.adapters.prometheus import PrometheusMetrics

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.scratch_path.mkdir(parents=True, exist_ok=True)
    metrics.use(PrometheusMetrics())
    clock = SystemClock()
    async with AsyncExitStack() as closing:
        log = open_log(settings, clock, member=member)
        closing.push_async_callback(log.close)
        store = open_store(settings)
        closing.push_async_callback(store.close)
        opened: dict[str, ObjectStore] = {}

        def bucket(name: str) -> ObjectStore:
            if name not in opened:
                opened[name] = _bucket(settings, name)
                closing.push_async_callback(opened[name].close)
            return opened[name]

        spans = _spans(settings, member)
        if spans is not None:
            closing.push_async_callback(spans.close)
        tracing.use(spans, is_on=settings.tracing)
        closing.callback(tracing.use, None, is_on=settings.tracing)
        queues = _queues(settings)
        for queue in queues:
            closing.push_async_callback(queue.close)
        await log.ensure_topics(topics.configs())
        yield Runtime(settings=settings, log=log, store=store, clock=clock, bucket=bucket, member=member, queues=queues)


def open_log(settings: Settings, clock: Clock, *, member: str) -> EventLog:
    """The log by itself, with the topics that it has; the caller closes it."""
    if settings.kafka_bootstrap is None:
        from polyvox.adapters.embedded_log import EmbeddedLog

        return EmbeddedLog(settings.log_path, clock=clock)
    try:
        from polyvox.adapters.kafka import KafkaLog, of_settings
    except ImportError as error:
        raise Fatal(f"Kafka needs more packages: pip install 'polyvox[kafka]' ({error})") from error

    return KafkaLog(of_settings(settings), client_id=member)


def open_store(settings: Settings) -> ObjectStore:
    """The store of the product's own objects, by itself; the caller closes it."""
    if settings.s3_bucket is None:
        from polyvox.adapters.filesystem import FolderStore

        return FolderStore(settings.objects_path)
    return _s3(settings, settings.s3_bucket, prefix=settings.s3_prefix)


def _bucket(settings: Settings, name: str) -> ObjectStore:
    if settings.s3_bucket is None:
        from polyvox.adapters.filesystem import FolderStore

        return FolderStore(settings.data_dir / "buckets" / name)
    return _s3(settings, name)


def _s3(settings: Settings, bucket: str, *, prefix: str = "") -> ObjectStore:
    try:
        from polyvox.adapters.s3 import S3Store, of_settings
    except ImportError as error:
        raise Fatal(f"S3 needs more packages: pip install 'polyvox[s3]' ({error})") from error

    return S3Store(of_settings(settings), bucket=bucket, prefix=prefix, scratch=settings.scratch_path)


def _spans(settings: Settings, member: str) -> OtlpSpans | None:
    """Where spans go besides the recordings' own traces."""
    if not settings.otlp_endpoint or not settings.tracing:
        return None
    try:
        from polyvox.adapters.otlp import OtlpSpans
    except ImportError as error:
        raise Fatal(f"OTLP needs more packages: pip install 'polyvox[otlp]' ({error})") from error

    secret = settings.otlp_headers
    pairs = [pair.partition("=") for pair in (secret.get_secret_value() if secret else "").split(",") if pair.strip()]
    headers = {name.strip(): value.strip() for name, _, value in pairs}
    return OtlpSpans(settings.otlp_endpoint, member=member, headers=headers, share=settings.otlp_share)


def _queues(settings: Settings) -> tuple[MessageQueue, ...]:
    urls = [url.strip() for url in (settings.bucket_events_sqs or "").split(",") if url.strip()]
    if not urls:
        return ()
    try:
        from polyvox.adapters.sqs import SqsQueue
    except ImportError as error:
        raise Fatal(f"SQS needs more packages: pip install 'polyvox[s3]' ({error})") from error

    secret = settings.s3_secret_key
    return tuple(
        SqsQueue(
            url,
            endpoint=settings.sqs_endpoint,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=None if secret is None else secret.get_secret_value(),
        )
        for url in urls
    )


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
