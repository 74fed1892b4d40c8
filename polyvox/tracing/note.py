"""What a message says of the work that made it: its span, as one line of text in a header.

The projection keeps it with the event, so that a recording's trace can be shown from what Polyvox itself has.
The form is that of a query string (``name=transcriber&id=…``): short, and parsed only when somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from polyvox.ports import Headers
from polyvox.tracing.context import TraceContext, parse
from polyvox.tracing.work import Step, Try, Work

NOTE = "polyvox-span"
STEPS_MAX = 16
TRIES_MAX = 8
LINKS_MAX = 64


@dataclass(frozen=True, slots=True)
class Note:
    """One span. Times in microseconds since 1970; the fields are those of Work."""

    name: str
    context: TraceContext
    began_us: int
    took_us: int
    parent: TraceContext | None = None
    member: str = ""
    queued_us: int | None = None
    tries: tuple[Try, ...] = ()
    steps: tuple[Step, ...] = ()
    links: tuple[TraceContext, ...] = field(default=())


def note_of(work: Work) -> str:
    """The note of ``work`` as far as it is done."""
    said = [
        f"name={work.name}&span={work.context.traceparent}",
        f"at={work.began_us}",
        f"took={work.elapsed_us() if work.took_us is None else work.took_us}",
    ]
    if work.parent is not None:
        said.append(f"parent={work.parent.traceparent}")
    if work.member:
        said.append(f"by={quote(work.member, safe='')}")
    if work.queued_us is not None:
        said.append(f"queued={work.queued_us}")
    said += [f"try={one.began_us},{one.took_us},{quote(one.code, safe='')}" for one in work.tries[-TRIES_MAX:]]
    said += [f"step={one.offset_us},{one.took_us},{quote(one.name, safe='')}" for one in work.steps[:STEPS_MAX]]
    said += [f"link={link.traceparent}" for link in work.links[:LINKS_MAX]]
    return "&".join(said)


def of_message(headers: Headers) -> str | None:
    """The note that came with a message, unread."""
    for name, value in headers:
        if name == NOTE:
            return value.decode("ascii", errors="replace")
    return None


def read(text: str | None) -> Note | None:
    """None for what is no note: it is of use only to people, so nothing fails for it."""
    if not text:
        return None
    try:
        return _read(parse_qsl(text))
    except (ValueError, KeyError):
        return None


def _read(pairs: list[tuple[str, str]]) -> Note | None:
    one = dict(pairs)
    context = parse(one["span"])
    if context is None:
        return None
    steps = [value.split(",", 2) for name, value in pairs if name == "step"]
    tries = [value.split(",", 2) for name, value in pairs if name == "try"]
    links = [parse(value) for name, value in pairs if name == "link"]
    return Note(
        name=one["name"],
        context=context,
        began_us=int(one["at"]),
        took_us=int(one["took"]),
        parent=parse(one.get("parent", "")),
        member=one.get("by", ""),
        queued_us=int(one["queued"]) if "queued" in one else None,
        tries=tuple(Try(int(began), int(took), code) for began, took, code in tries),
        steps=tuple(Step(name, int(offset), int(took)) for offset, took, name in steps),
        links=tuple(link for link in links if link is not None),
    )
