"""Streams of text: whatever order parts come in, the deltas joined are the whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.answering.openai.deltas import deltas, letters, settled_s
from ingest.answering.openai.documents import diarized_segments
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput
from tests.support.recordings import merge_inputs


@given(merge_inputs(), st.lists(st.floats(0.0, 200.0), max_size=5).map(sorted))
@settings(max_examples=60, deadline=None)
def test_deltas_joined_are_the_text_however_it_grew(media: MergeInput, moments_s: list[float]) -> None:
    merged = merge(media)
    sent: list[str] = []
    for until_s in [*moments_s, float("inf")]:
        sent += deltas(merged, sum(map(letters, sent)), until_s)
    assert "".join(sent) == merged.text
    assert all(sent)


@given(merge_inputs())
@settings(max_examples=40, deadline=None)
def test_each_segment_of_a_finished_transcript_is_a_delta(media: MergeInput) -> None:
    merged = merge(media)
    assert [delta.strip() for delta in deltas(merged, 0)] == [one.text for one in merged.segments if one.text]
    assert len(diarized_segments(merged)) == len(merged.segments)


@given(st.lists(st.sampled_from(["done", "failed", "running"]), max_size=8))
def test_what_is_settled_ends_where_the_first_part_is_missing(statuses: list[str]) -> None:
    edges = list(pairwise(range(0, 10 * len(statuses) + 1, 10)))
    parts = [
        {"start": start, "end": end, "status": status} for (start, end), status in zip(edges, statuses, strict=True)
    ]
    there = next((n for n, status in enumerate(statuses) if status == "running"), len(statuses))
    assert settled_s(parts[::-1]) == 10 * there
