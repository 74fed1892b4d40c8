"""W3C Trace Context (https://www.w3.org/TR/trace-context/): which upload a piece of work belongs to."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from polyvox.ports import Headers

HEADER = "traceparent"

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Lowercase hexadecimal: ``trace_id`` of 32 digits, ``span_id`` of 16."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def child(self) -> TraceContext:
        """A new span of the same trace."""
        return TraceContext(self.trace_id, _random_hex(8), self.sampled)

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"


def new() -> TraceContext:
    """The root of a new trace."""
    return TraceContext(_random_hex(16), _random_hex(8))


def parse(traceparent: str) -> TraceContext | None:
    """None for what is not a valid ``traceparent``; versions to come are read as far as they are known."""
    found = _FORM.fullmatch(traceparent.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


def of_headers(headers: Headers) -> TraceContext | None:
    for name, value in headers:
        if name.lower() == HEADER:
            return parse(value.decode("ascii", errors="replace"))
    return None


def _random_hex(size_bytes: int) -> str:
    while not int(digits := secrets.token_hex(size_bytes), 16):
        pass
    return digits
