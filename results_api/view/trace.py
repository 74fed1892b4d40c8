"""What a recording's time went to, from the notes that came with its events. Pure.

Where an event came without a note (tracing was off, or the event is older), its span is made from what the event
itself says: when it was told, and how long the work took.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from polyvox import tracing
from polyvox.contracts import StageFailed
from results_api.view.view import RecordingView, Replay, Told

STAGES = {"normalise": "normaliser", "transcribe": "transcriber", "diarize": "diarizer", "merge": "projection"}
"""The worker of each stage: what its spans are called."""

SpanStatus = Literal["done", "failed", "waiting"]


class SpanStep(BaseModel):
    name: str
    offset_s: float = Field(description="Seconds after the span began.")
    took_s: float


class FailedAttempt(BaseModel):
    began_at: datetime
    took_s: float
    code: str


class Span(BaseModel):
    """One piece of work. ``waiting``: asked for, and not heard of since."""

    name: str = Field(description="upload, normaliser, transcriber, diarizer, projection or replay")
    part: int | None = None
    status: SpanStatus
    queued_at: datetime | None = Field(None, description="When the message that asked for it was written.")
    began_at: datetime | None = Field(None, description="When a worker began with the attempt that ended it.")
    ended_at: datetime | None = None
    member: str | None = Field(None, description="The process that did it.")
    attempts: list[FailedAttempt] = Field(default_factory=list, description="Attempts that failed before.")
    steps: list[SpanStep] = Field(default_factory=list)
    code: str | None = Field(None, description="Of a failure.")
    replay: str | None = Field(None, description="The replay it belongs to.")
    trace_id: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    links: list[str] = Field(default_factory=list, description="traceparent of what it joins besides its parent.")


class TraceDocument(BaseModel):
    """A recording's trace: one span for each piece of work, in the order in which they were asked for."""

    media_id: str
    trace_id: str | None = Field(None, description="W3C trace id; null where none was noted.")
    duration_s: float | None = Field(None, description="Seconds of audio.")
    began_at: datetime | None = None
    ended_at: datetime | None = Field(None, description="null: something is still to come.")
    spans: list[Span]


def trace(view: RecordingView, *, published_at: datetime | None = None, note: str | None = None) -> TraceDocument:
    """``published_at`` and ``note``: of the publication of what counts now."""
    spans = list(_first(view))
    for id_, replay in view.replays.items():
        spans += _of_replay(id_, replay)
    if published_at is not None:
        spans.append(_span("projection", published_at, note))
    spans.sort(key=_first_heard_of)
    known = [time for span in spans for time in (span.queued_at, span.began_at, span.ended_at) if time]
    is_over = published_at is not None and all(span.status != "waiting" for span in spans)
    return TraceDocument(
        media_id=view.media_id,
        trace_id=next((span.trace_id for span in spans if span.trace_id), None),
        duration_s=view.duration_s,
        began_at=min(known, default=None),
        ended_at=max(known, default=None) if is_over else None,
        spans=spans,
    )


def _first(view: RecordingView) -> Iterator[Span]:
    if view.uploaded:
        yield _of("upload", view.uploaded)
    if view.ready is None:
        failed = view.failures.get("normalise")
        if failed:
            yield _of("normaliser", failed)
        elif view.uploaded:
            yield Span(name="normaliser", status="waiting", queued_at=view.uploaded.time)
        return
    queued_at = view.ready.time
    yield _of("normaliser", view.ready, queued_at=view.uploaded.time if view.uploaded else None)
    for span in view.ready.data.parts:
        told = view.transcribed.get(span.part) or view.part_failure(span.part)
        if told:
            yield _of("transcriber", told, part=span.part, queued_at=queued_at)
        else:
            yield Span(name="transcriber", part=span.part, status="waiting", queued_at=queued_at)
    speakers = view.diarized or view.diarize_failure
    if speakers:
        yield _of("diarizer", speakers, queued_at=queued_at)
    elif view.options.diarize:
        yield Span(name="diarizer", status="waiting", queued_at=queued_at)


def _of_replay(id_: str, replay: Replay) -> Iterator[Span]:
    if replay.requested:
        yield _of("replay", replay.requested, replay=id_)
    for part, told in replay.transcribed.items():
        yield _of("transcriber", told, part=part, replay=id_)
    if replay.diarized:
        yield _of("diarizer", replay.diarized, replay=id_)
    for slot, failed in replay.failures.items():
        stage, _, part_text = slot.partition("/")
        part_number = int(part_text) if part_text else None
        if part_number not in replay.transcribed and not (stage == "diarize" and replay.diarized):
            yield _of(STAGES[stage], failed, part=part_number, replay=id_)


def _of(
    name: str,
    told: Told[Any],
    *,
    part: int | None = None,
    queued_at: datetime | None = None,
    replay: str | None = None,
) -> Span:
    span = _span(name, told.time, told.note, took_s=getattr(told.data, "processing_s", None), queued_at=queued_at)
    code = told.data.code if isinstance(told.data, StageFailed) else None
    return span.model_copy(
        update={"part": part, "replay": replay, "code": code, "status": "failed" if code else "done"}
    )


def _span(
    name: str,
    ended_at: datetime,
    text: str | None,
    *,
    took_s: float | None = None,
    queued_at: datetime | None = None,
) -> Span:
    note = tracing.read(text)
    if note is None:
        began_at = ended_at - timedelta(seconds=took_s) if took_s else None
        return Span(name=name, status="done", queued_at=queued_at, began_at=began_at, ended_at=ended_at)
    return Span(
        name=name,
        status="done",
        queued_at=queued_at if note.queued_us is None else _time(note.queued_us),
        began_at=_time(note.began_us),
        ended_at=max(ended_at, _time(note.began_us + note.took_us)),
        member=note.member or None,
        attempts=[
            FailedAttempt(began_at=_time(one.began_us), took_s=one.took_us / 1e6, code=one.code) for one in note.tries
        ],
        steps=[SpanStep(name=one.name, offset_s=one.offset_us / 1e6, took_s=one.took_us / 1e6) for one in note.steps],
        trace_id=note.context.trace_id,
        span_id=note.context.span_id,
        parent_id=note.parent.span_id if note.parent else None,
        links=[link.traceparent for link in note.links],
    )


def _first_heard_of(span: Span) -> datetime:
    first = span.queued_at or span.began_at or span.ended_at
    assert first is not None
    return first


def _time(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
