"""W3C trace contexts are read as the recommendation says, and carried on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox import tracing

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
    with tracing.carried(root):
        assert tracing.current() == root
    assert tracing.current() is None


def test_headers_are_searched_whatever_their_case() -> None:
    assert tracing.of_headers((("Traceparent", EXAMPLE.encode()),)) == tracing.parse(EXAMPLE)
    assert tracing.of_headers((("traceparent", b"\xff"),)) is None
    assert tracing.of_headers(()) is None
