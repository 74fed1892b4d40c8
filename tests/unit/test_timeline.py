"""A recording's trace: worked out from its view, and drawn."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from polyvox import tracing
from polyvox.cli.timeline import FAILED, WAITS, WORKS, lines
from results_api.view.fold import fold
from results_api.view.trace import TraceDocument, trace
from results_api.view.view import RecordingView
from tests.support.events import START, diarized, failed, in_replay, ready, replay_requested, transcribed, uploaded
from tests.support.turned_clock import TurnedClock


def note(name: str, at_s: float, *, queued_s: float | None = None, took_s: float = 1.0, **more: Any) -> str:
    """What a worker would say of work that began ``at_s`` seconds after START."""
    clock = TurnedClock(START)
    clock.turn(at_s)
    queued_us = None if queued_s is None else int((START.timestamp() + queued_s) * 1e6)
    with tracing.doing(name, clock, queued_us=queued_us, member=f"{name}-1", **more) as work:
        with tracing.step("think"):
            clock.turn(took_s)
        return tracing.note_of(work)


def view_of(*told: tuple[Any, str | None]) -> RecordingView:
    view = None
    for event, text in told:
        view = fold(view, event, text)
    assert view is not None
    return view


def drawn(document: TraceDocument, **options: Any) -> list[str]:
    now = START + timedelta(seconds=20)
    return list(lines(json.loads(document.model_dump_json()), now=now, width=100, **options))


def test_waits_work_and_steps_come_from_the_notes_of_events() -> None:
    view = view_of(
        (uploaded(0.5), note("upload", 0.0, took_s=0.5)),
        (ready(2.0, parts=1), note("normaliser", 1.0, queued_s=0.5)),
        (transcribed(0, 9.0, parts=1), note("transcriber", 6.0, queued_s=2.0, took_s=3.0)),
        (diarized(4.0), note("diarizer", 2.0, queued_s=2.0, took_s=2.0)),
    )
    document = trace(view, published_at=START + timedelta(seconds=10), note=note("projection", 9.0, queued_s=9.0))
    spans = {span.name: span for span in document.spans}
    words = spans["transcriber"]
    assert words.queued_at == START + timedelta(seconds=2)
    assert words.began_at == START + timedelta(seconds=6)
    assert words.ended_at == START + timedelta(seconds=9)
    assert [(step.name, step.offset_s, step.took_s) for step in words.steps] == [("think", 0.0, 3.0)]
    assert words.member == "transcriber-1"
    assert (document.began_at, document.ended_at) == (START, START + timedelta(seconds=10))

    shown = drawn(document)
    (line,) = [line for line in shown if line.startswith("transcriber")]
    assert line.split()[-7:] == ["4.0", "s", "3.0", "s", "think", "3.0", "s"]
    waits, works = line.count(WAITS), line.count(WORKS)
    assert waits > 0
    assert 0.6 < works / waits < 0.95
    assert "  think" in "\n".join(drawn(document, with_steps=True))


def test_without_notes_events_tell_what_they_can() -> None:
    view = view_of((uploaded(0.0), None), (ready(1.0, parts=1), None), (transcribed(0, 4.0, parts=1), None))
    document = trace(view)
    assert document.trace_id is None
    assert document.ended_at is None
    upload, normaliser, words, speakers = document.spans
    assert (upload.name, normaliser.queued_at) == ("upload", START)
    # transcribed() says that it took 1.5 s.
    assert (words.began_at, words.ended_at) == (START + timedelta(seconds=2.5), START + timedelta(seconds=4))
    assert (speakers.name, speakers.status, speakers.queued_at) == ("diarizer", "waiting", START + timedelta(seconds=1))
    shown = drawn(document)
    assert "20.0 s so far" in shown[0]
    (line,) = [line for line in shown if line.startswith("diarizer")]
    assert "waits, or is being worked on" in line
    assert WORKS not in line


def test_failed_attempts_and_failures_have_their_place() -> None:
    began_us = int((START.timestamp() + 2.0) * 1e6)
    tries = (tracing.Try(began_us, 1_000_000, "crashed"),)
    view = view_of(
        (uploaded(0.0), note("upload", 0.0, took_s=0.0)),
        (ready(2.0, parts=1), note("normaliser", 1.0, queued_s=0.0)),
        (failed("transcribe", 8.0, part=0), note("transcriber", 6.0, queued_s=2.0, tries=tries)),
    )
    spans = {span.name: span for span in trace(view).spans}
    assert (spans["transcriber"].status, spans["transcriber"].part) == ("failed", 0)
    (line,) = [line for line in drawn(trace(view)) if line.startswith("transcriber part 1")]
    assert FAILED in line
    assert "attempt 2 after crashed" in line


def test_a_replay_is_part_of_what_happened() -> None:
    view = view_of(
        (uploaded(0.0), None),
        (ready(1.0, parts=1), None),
        (transcribed(0, 2.0, parts=1), None),
        (diarized(3.0), None),
        (replay_requested("diarize", 10.0), note("replay", 10.0, took_s=0.0)),
        (in_replay(diarized(12.0)), note("diarizer", 11.0, queued_s=10.0)),
    )
    names = [(span.name, span.replay) for span in trace(view, published_at=START + timedelta(seconds=13)).spans]
    assert names.count(("diarizer", None)) == names.count(("diarizer", "replay-1")) == 1
    assert ("replay", "replay-1") in names


def test_the_order_of_events_makes_no_difference_to_their_notes() -> None:
    first, second = (ready(1.0), "name=normaliser&a"), (ready(1.0), "name=normaliser&b")
    assert view_of(first, second, first) == view_of(second, first, second)
