"""The piece of work that a task is doing: a span of its recording's trace, with the steps it consists of.

It is in a context variable, so that what a handler publishes carries on the trace, and what it logs says which
recording it is about, without saying so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from polyvox.ports import Clock
from polyvox.tracing.context import TraceContext, new

MICROSECONDS = 1_000_000


class Step(NamedTuple):
    """A part of a piece of work; it began ``offset_us`` after the work did."""

    name: str
    offset_us: int
    took_us: int


class Try(NamedTuple):
    """An attempt that failed, with the code of its error."""

    began_us: int
    took_us: int
    code: str


@dataclass(slots=True)
class Work:
    """Times are microseconds since 1970, UTC; ``queued_us`` is when the message that asked for it was written.

    ``member``: which process does it. ``received``: the note of the message in hand (note.py). ``tries``: earlier
    attempts at the same message. ``links``: spans that this one joins, besides its ``parent``. ``took_us`` and
    ``error``, its class, are known at its end. ``of_many``: it is about many recordings, each with its own trace.
    """

    name: str
    context: TraceContext
    clock: Clock
    parent: TraceContext | None = None
    media_id: str | None = None
    part: int | None = None
    member: str = ""
    received: str | None = None
    queued_us: int | None = None
    tries: tuple[Try, ...] = ()
    links: list[TraceContext] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    of_many: bool = False
    began_us: int = 0
    began_s: float = 0.0
    took_us: int | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        self.began_us = int(self.clock.now().timestamp() * MICROSECONDS)
        self.began_s = self.clock.monotonic_s()

    def elapsed_us(self) -> int:
        return round((self.clock.monotonic_s() - self.began_s) * MICROSECONDS)


class Spans(Protocol):
    """Takes finished pieces of work, to export them. Called from the event loop: it must not wait."""

    def ended(self, work: Work) -> None: ...


@dataclass(slots=True)
class _Process:
    spans: Spans | None = None
    is_on: bool = True


_PROCESS = _Process()
_current: ContextVar[Work | None] = ContextVar("polyvox_work", default=None)


def use(spans: Spans | None, *, is_on: bool = True) -> None:
    """Where finished work of this process goes; ``is_on`` False: traces are passed on, and nothing is noted."""
    _PROCESS.spans, _PROCESS.is_on = spans, is_on


def is_on() -> bool:
    return _PROCESS.is_on


def in_hand() -> Work | None:
    """The work that this task is doing."""
    return _current.get()


def current() -> TraceContext | None:
    """The span of the work that this task is doing."""
    work = _current.get()
    return None if work is None else work.context


@contextlib.contextmanager
def doing(
    name: str,
    clock: Clock,
    *,
    parent: TraceContext | None = None,
    media_id: str | None = None,
    part: int | None = None,
    member: str = "",
    received: str | None = None,
    queued_us: int | None = None,
    tries: tuple[Try, ...] = (),
    of_many: bool = False,
) -> Iterator[Work]:
    """Make a new piece of work the one in hand: a child of ``parent``, or the root of a new trace."""
    context = parent.child() if parent is not None else new()
    work = Work(name, context, clock, parent, media_id, part, member, received, queued_us, tries=tries, of_many=of_many)
    token = _current.set(work)
    try:
        yield work
    except BaseException as error:
        work.error = work.error or type(error).__name__
        raise
    finally:
        _current.reset(token)
        ended(work)


def begun(whole: Work, media_id: str | None) -> Work:
    """What ``whole``, work on many recordings, is for one of them: the root of its trace, linked to the whole."""
    one = Work(whole.name, new(), whole.clock, media_id=media_id, member=whole.member, links=[whole.context])
    one.began_us, one.began_s = whole.began_us, whole.began_s
    return one


def ended(work: Work) -> None:
    """Export ``work``, which ends now."""
    work.took_us = work.elapsed_us()
    if _PROCESS.spans is not None and _PROCESS.is_on:
        _PROCESS.spans.ended(work)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """A step of the work in hand, if there is any."""
    work = _current.get()
    if work is None or not _PROCESS.is_on:
        yield
        return
    offset_us = work.elapsed_us()
    try:
        yield
    finally:
        work.steps.append(Step(name, offset_us, work.elapsed_us() - offset_us))
