"""W3C trace contexts are read as the recommendation says, and carried on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox import tracing
from polyvox.clock import SystemClock

EXAMPLE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_recommendations_example_is_read() -> None:
    context = tracing.parse(EXAMPLE)
    assert context == tracing.TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True)
    assert context.traceparent == EXAMPLE


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "00",
        EXAMPLE.upper(),
        EXAMPLE.replace("00-", "ff-", 1),
        EXAMPLE + "-more",
        EXAMPLE.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        EXAMPLE.replace("b7ad6b7169203331", "0" * 16),
        EXAMPLE.replace("b7ad", "b7xd"),
    ],
)
def test_what_is_malformed_is_ignored(malformed: str) -> None:
    assert tracing.parse(malformed) is None


def test_a_version_to_come_is_read_as_far_as_it_is_known() -> None:
    assert tracing.parse(EXAMPLE.replace("00-", "01-", 1) + "-more") == tracing.parse(EXAMPLE)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    context = tracing.parse(text)
    assert context is None or tracing.parse(context.traceparent) == context


def test_a_child_is_a_new_span_of_the_same_trace() -> None:
    root = tracing.new()
    child = root.child()
    assert (child.trace_id, child.sampled) == (root.trace_id, root.sampled)
    assert child.span_id != root.span_id
    assert tracing.parse(root.traceparent) == root


def test_the_current_context_ends_with_its_block() -> None:
    root = tracing.new()
    with tracing.doing("transcriber", SystemClock(), parent=root) as work:
        assert tracing.current() == work.context
        assert (work.context.trace_id, work.parent) == (root.trace_id, root)
    assert tracing.current() is None


def test_a_note_says_of_a_piece_of_work_all_that_there_is_to_show() -> None:
    link = tracing.new()
    tries = (tracing.Try(1_000, 20, "crashed"), tracing.Try(2_000, 30, "a,b&c=d"))
    parent = tracing.new()
    with tracing.doing(
        "transcriber", SystemClock(), parent=parent, member="host-1 & co/ü", queued_us=5, tries=tries
    ) as work:
        work.links.append(link)
        with tracing.step("fetch"), tracing.step("of, it"):
            pass
    note = tracing.read(tracing.note_of(work))
    assert note is not None
    assert (note.name, note.context, note.parent, note.links) == ("transcriber", work.context, parent, (link,))
    assert (note.member, note.queued_us, note.tries) == ("host-1 & co/ü", 5, tries)
    assert (note.began_us, note.took_us, note.steps) == (work.began_us, work.took_us, tuple(work.steps))
    assert [step.name for step in note.steps] == ["of, it", "fetch"]


@given(st.text())
def test_no_text_breaks_the_reader_of_notes(text: str) -> None:
    tracing.read(text)
    tracing.read(f"name=x&span={EXAMPLE}&at={text}&took=1")
    tracing.read(f"name=x&span={EXAMPLE}&at=1&took=1&step={text}&try={text}&link={text}")


def test_what_is_done_to_many_recordings_at_once_links_the_trace_of_each_to_the_whole() -> None:
    with tracing.doing("upload", SystemClock(), of_many=True) as whole:
        one, other = tracing.begun(whole, "recording-a"), tracing.begun(whole, "recording-b")
    assert len({whole.context.trace_id, one.context.trace_id, other.context.trace_id}) == 3
    assert one.links == other.links == [whole.context]
    assert (one.parent, one.media_id, one.began_us) == (None, "recording-a", whole.began_us)


def test_headers_are_searched_whatever_their_case() -> None:
    assert tracing.of_headers((("Traceparent", EXAMPLE.encode()),)) == tracing.parse(EXAMPLE)
    assert tracing.of_headers((("traceparent", b"\xff"),)) is None
    assert tracing.of_headers(()) is None
