"""Whose work a message is and how much, read from its headers: nothing is decoded to choose what comes next."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from polyvox.contracts import Lane
from polyvox.ports import Headers, Record
from polyvox.publish import AUDIO_S, LANE, TENANT
from polyvox.tenants import DEFAULT_TENANT
from polyvox.topics import BULK

Measure = Literal["audio", "messages"]
"""What tenants share a worker by: seconds of audio where work grows with them, else messages."""

LEAST_COST = 1.0
"""No message is free: a thousand of no length must not go before one of some length."""


class Share(NamedTuple):
    """``cost`` is in the worker's measure."""

    lane: Lane = "interactive"
    tenant: str = DEFAULT_TENANT
    cost: float = LEAST_COST


def lane_of(topic: str) -> Lane:
    """The lane of a topic; those without lanes count as interactive."""
    return "bulk" if topic.endswith(BULK) else "interactive"


def share_of(record: Record, measure: Measure) -> Share:
    """What the headers say; a message without them is the default tenant's, in its topic's lane, and of no length."""
    tenant, lane, audio_s = DEFAULT_TENANT, lane_of(record.topic), 0.0
    for name, value in record.headers:
        if name == TENANT:
            tenant = value.decode(errors="replace")
        elif name == LANE and value in (b"bulk", b"interactive"):
            lane = "bulk" if value == b"bulk" else "interactive"
        elif name == AUDIO_S:
            audio_s = _seconds(value)
    return Share(lane, tenant, max(audio_s, LEAST_COST) if measure == "audio" else LEAST_COST)


def size_of(record: Record) -> int:
    """Bytes that the log brought."""
    return len(record.value) + len(record.key) + _size(record.headers)


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def _seconds(value: bytes) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0
