"""Sends finished spans to an OpenTelemetry collector: OTLP in protobuf over HTTP, with OpenTelemetry's own exporter.

Spans wait in memory and go out in batches from a thread of their own. What the collector does not take in time is
dropped and said in the log: recordings never wait for it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

import polyvox
from polyvox.tracing import Step, TraceContext, Work

RANDOM_BITS = 56
"""Of a trace id, at its end: those that W3C Trace Context promises to be random."""
TIMEOUT_S = 10
EVERY_MS = 2000
WAITING_MAX = 16_384
BATCH_MAX = 1024
_NO_ATTRIBUTES: Mapping[str, str | int | float] = {}


class OtlpSpans:
    """Spans of the process ``member`` to ``endpoint``; ``share`` of the traces, the same ones in every process."""

    def __init__(self, endpoint: str, *, member: str, headers: Mapping[str, str], share: float = 1.0) -> None:
        self._below = share * 2**RANDOM_BITS
        self._resource = Resource.create(
            {"service.name": "polyvox", "service.version": polyvox.__version__, "service.instance.id": member}
        )
        self._scope = InstrumentationScope("polyvox", polyvox.__version__)
        url = endpoint.rstrip("/")
        exporter = OTLPSpanExporter(
            endpoint=url if url.endswith("/v1/traces") else f"{url}/v1/traces",
            headers=dict(headers),
            timeout=TIMEOUT_S,
        )
        self._processor = BatchSpanProcessor(
            exporter,
            max_queue_size=WAITING_MAX,
            schedule_delay_millis=EVERY_MS,
            max_export_batch_size=BATCH_MAX,
        )

    def ended(self, work: Work) -> None:
        if not work.context.sampled or int(work.context.trace_id[-14:], 16) >= self._below:
            return
        for span in self._spans(work):
            self._processor.on_end(span)

    async def close(self) -> None:
        """Send what waits; it takes as long as the collector does to answer, ten seconds at most."""
        await asyncio.to_thread(self._processor.shutdown)

    def _spans(self, work: Work) -> list[ReadableSpan]:
        took_us = work.took_us or 0
        attributes: dict[str, str | int | float] = {}
        for name, value in (("media_id", work.media_id), ("part", work.part), ("member", work.member or None)):
            if value is not None:
                attributes[f"polyvox.{name}"] = value
        if work.queued_us is not None:
            attributes["polyvox.attempt"] = len(work.tries) + 1
            # Clocks of two machines differ a little: nothing is handled before it was written.
            attributes["polyvox.waited_s"] = max(work.began_us - work.queued_us, 0) / 1_000_000
        whole = self._span(
            work.name if work.part is None else f"{work.name} part {work.part}",
            work.context,
            work.parent,
            work.began_us,
            took_us,
            kind=SpanKind.CONSUMER if work.queued_us is not None else SpanKind.SERVER,
            attributes=attributes,
            links=[Link(_context(link, is_remote=True)) for link in work.links],
            status=Status(StatusCode.ERROR, work.error) if work.error else Status(StatusCode.UNSET),
        )
        return [whole, *(self._step(work, step) for step in work.steps)]

    def _step(self, work: Work, step: Step) -> ReadableSpan:
        context = TraceContext(work.context.trace_id, secrets.token_hex(8))
        return self._span(step.name, context, work.context, work.began_us + step.offset_us, step.took_us)

    def _span(
        self,
        name: str,
        context: TraceContext,
        parent: TraceContext | None,
        began_us: int,
        took_us: int,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, str | int | float] = _NO_ATTRIBUTES,
        links: list[Link] | None = None,
        status: Status | None = None,
    ) -> ReadableSpan:
        return ReadableSpan(
            name=name,
            context=_context(context),
            parent=None if parent is None else _context(parent, is_remote=kind is not SpanKind.INTERNAL),
            resource=self._resource,
            attributes=attributes,
            links=links or (),
            kind=kind,
            status=status or Status(StatusCode.UNSET),
            start_time=began_us * 1000,
            end_time=(began_us + took_us) * 1000,
            instrumentation_scope=self._scope,
        )


def _context(context: TraceContext, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))
