"""Facts onto the log: enveloped, encoded, on their topic, under their key, within their trace."""

from __future__ import annotations

from polyvox import topics, tracing
from polyvox.contracts import Event, Fact, encode, wrap
from polyvox.ports import Clock, EventLog, Headers, Message
from polyvox.tracing import TraceContext, Work

TENANT = "polyvox-tenant"
LANE = "polyvox-lane"
AUDIO_S = "polyvox-audio-s"
CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")
_KEEPER = "projection"
"""Whoever reads as this keeps the spans of recordings; nobody else needs notes of them."""


class Publisher:
    """Publishes on behalf of ``source``, a URI reference such as ``/polyvox/normaliser``."""

    def __init__(self, log: EventLog, clock: Clock, source: str) -> None:
        self._log = log
        self._clock = clock
        self._source = source

    async def publish(self, *facts: Event, traceparent: str | None = None) -> None:
        """Append all ``facts`` in one go; returns when they are durable.

        They belong to ``traceparent``, or else to the work in hand. Without either, and in work on many
        recordings at once, each begins a trace of its own.

        Raises:
            Transient: the log did not take them, or may not have; publishing again is
                harmless, since the ids are the same.
        """
        now = self._clock.now()
        work = tracing.in_hand()
        given = tracing.parse(traceparent) if traceparent is not None else None
        around = None if given is not None or work is None else _headers_of(work)
        messages = []
        begun: list[Work] = []
        for fact in facts:
            if given is not None:
                headers = _trace_headers(given)
            elif work is None:
                headers = _trace_headers(tracing.new())
            elif work.of_many:
                begun.append(tracing.begun(work, fact.media_id if isinstance(fact, Fact) else None))
                headers = _headers_of(begun[-1])
            else:
                assert around is not None
                headers = around
            topic = topics.of(fact)
            messages.append(
                Message(
                    topic,
                    key=fact.key(),
                    value=encode(wrap(fact, source=self._source, time=now)),
                    headers=(*(headers if topic in _KEPT else headers[:2]), *share_headers(fact)),
                )
            )
        with tracing.step("publish"):
            await self._log.append(messages)
        for one in begun:
            tracing.ended(one)


_KEPT = frozenset(topic.name for topic in topics.TOPICS.values() if _KEEPER in topic.consumers)


def _trace_headers(context: TraceContext) -> Headers:
    return (CONTENT_TYPE, (tracing.HEADER, context.traceparent.encode()))


def _headers_of(work: Work) -> Headers:
    """Content type and trace; where tracing is on, also the note of the work so far."""
    headers = _trace_headers(work.context)
    return (*headers, (tracing.NOTE, tracing.note_of(work).encode())) if tracing.is_on() else headers


def share_headers(fact: Event) -> Headers:
    """Whose work a message is and how much of it, for those who choose what to do next without decoding it."""
    if not isinstance(fact, Fact):
        return ()
    return (
        (TENANT, fact.tenant.encode()),
        (LANE, fact.lane.encode()),
        (AUDIO_S, f"{fact.weight_s():.3f}".encode()),
    )
