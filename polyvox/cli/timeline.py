"""A recording's trace as lines of text: who waited, who worked, and for how long. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WAITS, WORKS, FAILED = "·", "█", "▒"
BAR_MIN = 20
LEGEND = f"{WAITS} waits   {WORKS} works   {FAILED} a failed attempt"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline; times in seconds after the trace began. ``until_s`` of what goes on is now."""

    name: str
    since_s: float
    works: tuple[tuple[float, float], ...]
    fails: tuple[tuple[float, float], ...]
    until_s: float
    waited_s: float | None
    took_s: float | None
    remark: str


def lines(document: Mapping[str, Any], *, now: datetime, width: int, with_steps: bool = False) -> Iterator[str]:
    """Lines of the answer of ``GET /v1/media/{id}/trace``; ``width`` in columns."""
    began_at = _time(document["began_at"])
    if began_at is None:
        yield f"{document['media_id']}: nothing is known of it yet"
        return
    ended_at = _time(document["ended_at"]) or max(now, began_at)
    length_s = (ended_at - began_at).total_seconds()
    audio_s = document.get("duration_s")
    of_audio = f", {audio_s:.1f} s of audio" if audio_s else ""
    pace = f", {audio_s / length_s:.1f} times real time" if audio_s and document["ended_at"] and length_s > 0 else ""
    going_on = "" if document["ended_at"] else " so far"
    yield f"{document['media_id']}   {began_at:%Y-%m-%d %H:%M:%S} UTC, {seconds(length_s)}{going_on}{of_audio}{pace}"
    if document.get("trace_id"):
        yield f"trace {document['trace_id']}"
    yield ""
    rows = [row for span in document["spans"] for row in _rows(span, began_at, ended_at, with_steps=with_steps)]
    names = max(len(row.name) for row in rows)
    remarks = max((len(row.remark) for row in rows), default=0)
    bar_width = max(BAR_MIN, width - names - 22 - min(remarks, width // 3))
    yield f"{'':{names}}  {_axis(length_s, bar_width)}  {'waited':>8} {'took':>8}"
    for row in rows:
        waited = "" if row.waited_s is None else seconds(row.waited_s)
        took = "" if row.took_s is None else seconds(row.took_s)
        bar = bar_of(row, length_s, bar_width)
        yield f"{row.name:{names}}  {bar}  {waited:>8} {took:>8}  {row.remark}".rstrip()
    yield ""
    yield LEGEND


def bar_of(row: Row, length_s: float, width: int) -> str:
    """What a row does, in ``width`` columns for ``length_s``; whatever there is gets at least one column."""
    cells = [" "] * width

    def fill(since_s: float, until_s: float, mark: str) -> None:
        first = min(int(since_s / length_s * width) if length_s > 0 else 0, width - 1)
        last = min(int(until_s / length_s * width) if length_s > 0 else 0, width - 1)
        for cell in range(max(first, 0), max(last, first) + 1):
            cells[cell] = mark

    fill(row.since_s, row.until_s, WAITS)
    for mark, stretches in ((FAILED, row.fails), (WORKS, row.works)):
        for since_s, until_s in stretches:
            fill(since_s, until_s, mark)
    return "".join(cells)


def seconds(value: float) -> str:
    """As short as it can be said and still be compared."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _rows(span: Mapping[str, Any], began_at: datetime, ended_at: datetime, *, with_steps: bool) -> Iterator[Row]:
    def at(time: datetime | None) -> float | None:
        return None if time is None else (time - began_at).total_seconds()

    queued_s, worked_s, done_s = (at(_time(span[name])) for name in ("queued_at", "began_at", "ended_at"))
    until_s = done_s if done_s is not None else (ended_at - began_at).total_seconds()
    fails = tuple(_attempt(attempt, began_at) for attempt in span["attempts"])
    starts = [start for start in (queued_s, worked_s, *(since_s for since_s, _ in fails)) if start is not None]
    since_s = min(starts, default=until_s)
    first_s = min([start for start, _ in fails] + ([worked_s] if worked_s is not None else []), default=None)
    yield Row(
        name=span["name"] + ("" if span["part"] is None else f" part {span['part'] + 1}"),
        since_s=since_s,
        works=() if worked_s is None else ((worked_s, until_s),),
        fails=fails,
        until_s=until_s,
        # Clocks of two machines differ a little: nothing is handled before it was written.
        waited_s=max(first_s - queued_s, 0.0) if queued_s is not None and first_s is not None else None,
        took_s=None if worked_s is None else until_s - worked_s,
        remark=_remark(span, with_steps=with_steps),
    )
    if with_steps and worked_s is not None:
        for step in span["steps"]:
            start_s = worked_s + step["offset_s"]
            end_s = start_s + step["took_s"]
            yield Row(f"  {step['name']}", start_s, ((start_s, end_s),), (), end_s, None, step["took_s"], "")


def _attempt(attempt: Mapping[str, Any], began_at: datetime) -> tuple[float, float]:
    start = _time(attempt["began_at"])
    assert start is not None
    since_s = (start - began_at).total_seconds()
    return since_s, since_s + float(attempt["took_s"])


def _remark(span: Mapping[str, Any], *, with_steps: bool) -> str:
    said: list[str] = []
    if span["status"] == "waiting":
        said.append("waits, or is being worked on")
    if span["code"]:
        said.append(f"failed: {span['code']}")
    if span["attempts"]:
        codes = ", ".join(dict.fromkeys(attempt["code"] for attempt in span["attempts"]))
        said.append(f"attempt {len(span['attempts']) + 1} after {codes}")
    if span["replay"]:
        said.append(f"replay {span['replay']}")
    if span["steps"] and not with_steps:
        said.append(_steps(span["steps"]))
    return "; ".join(said)


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{step['name']} {seconds(step['took_s'])}" for step in steps)


def _axis(length_s: float, width: int) -> str:
    end = seconds(length_s)
    return "0" + " " * max(width - 1 - len(end), 1) + end


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
