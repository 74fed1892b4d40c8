"""Facts onto the log: enveloped, encoded, on their topic, under their key, within their trace."""

from __future__ import annotations

from polyvox import topics, tracing
from polyvox.contracts import Event, Fact, encode, wrap
from polyvox.ports import Clock, EventLog, Headers, Message

TENANT = "polyvox-tenant"
LANE = "polyvox-lane"
AUDIO_S = "polyvox-audio-s"
CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")


class Publisher:
    """Publishes on behalf of ``source``, a URI reference such as ``/polyvox/normaliser``."""

    def __init__(self, log: EventLog, clock: Clock, source: str) -> None:
        self._log = log
        self._clock = clock
        self._source = source

    async def publish(self, *facts: Event, traceparent: str | None = None) -> None:
        """Append all ``facts`` in one go; returns when they are durable.

        They carry ``traceparent``, or else a child of the message being handled, or else
        the root of a new trace.

        Raises:
            Transient: the log did not take them, or may not have; publishing again is
                harmless, since the ids are the same.
        """
        now = self._clock.now()
        headers = trace_headers(traceparent)
        await self._log.append(
            [
                Message(
                    topics.of(fact),
                    key=fact.key(),
                    value=encode(wrap(fact, source=self._source, time=now)),
                    headers=(*headers, *share_headers(fact)),
                )
                for fact in facts
            ]
        )


def trace_headers(traceparent: str | None = None) -> Headers:
    """Headers of a message published now."""
    given = tracing.parse(traceparent) if traceparent is not None else None
    around = given or tracing.current()
    context = around.child() if around is not None else tracing.new()
    return (CONTENT_TYPE, (tracing.HEADER, context.traceparent.encode()))


def share_headers(fact: Event) -> Headers:
    """Whose work a message is and how much of it, for those who choose what to do next without decoding it."""
    if not isinstance(fact, Fact):
        return ()
    return (
        (TENANT, fact.tenant.encode()),
        (LANE, fact.lane.encode()),
        (AUDIO_S, f"{fact.weight_s():.3f}".encode()),
    )
