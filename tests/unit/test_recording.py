"""What a recording plans to publish, and what it says of itself."""

from __future__ import annotations

import itertools
from typing import Any

from polyvox.contracts import Envelope
from results_api.database.recording import Outcome, Recording, with_event, with_outcome, without
from tests.support.events import START, deleted, diarized, failed, ready, transcribed, uploaded

ALL = (uploaded(), ready(parts=2), transcribed(0), transcribed(1), diarized())


def after(*events: Envelope[Any], known: Recording | None = None) -> Recording:
    for event in events:
        known = with_event(known, event, START)
    assert known is not None
    return known


def published(known: Recording, status: Any = "completed") -> Recording:
    basis = known.planned_basis or ""
    outcome = Outcome(version=known.planned_version, basis=basis, status=status, ended_at=START)
    return with_outcome(known, outcome, START)


def test_every_order_of_events_plans_one_version_when_all_that_is_merged_is_in() -> None:
    bases = set()
    for events in itertools.permutations(ALL):
        is_in = events[-1] is ALL[0]
        assert after(*events[:-1]).planned_version == is_in
        recording = after(*events)
        assert recording.planned_version == 1
        bases.add(recording.planned_basis)
    assert len(bases) == 1


def test_repetitions_change_nothing() -> None:
    recording = after(*ALL)
    for event in ALL:
        assert with_event(recording, event, START) is recording


def test_a_failure_waits_for_the_upload_that_says_what_it_is_about() -> None:
    recording = after(failed("normalise"))
    assert recording.planned_version == 0
    assert after(uploaded(), known=recording).planned_version == 1


def test_status_is_that_of_the_result_and_not_of_the_stages_alone() -> None:
    assert after(*ALL[:1]).status == "queued"
    assert after(*ALL[:2]).status == "processing"
    settled = after(*ALL)
    assert settled.status == "processing"
    assert settled.progress < 1
    assert published(settled).status == "completed"
    assert published(settled).progress == 1
    assert after(*ALL, deleted()).status == "deleted"


def test_a_failed_recording_is_in_process_again_when_something_new_comes() -> None:
    recording = published(after(uploaded(), failed("normalise")), "failed")
    assert recording.status == "failed"
    assert after(ready(), known=recording).status == "processing"


def test_a_completed_recording_stays_completed_while_it_is_done_again() -> None:
    recording = published(after(*ALL))
    again = after(diarized(9, options_hash="c" * 12), known=recording)
    assert (again.status, again.planned_version) == ("completed", 2)
    assert published(again, "failed").outcome == recording.outcome
    assert published(again).outcome != recording.outcome


def test_an_old_outcome_does_not_replace_a_newer_one() -> None:
    first = after(*ALL)
    second = published(after(diarized(9, options_hash="c" * 12), known=first))
    late = Outcome(version=1, basis="x", status="completed", ended_at=START)
    assert with_outcome(second, late, START) is second


def test_a_tombstone_keeps_nothing_but_names_and_times() -> None:
    buried = after(*ALL, deleted())
    assert buried.planned_basis is None
    assert buried.outcome is None
    assert buried.filename is None
    assert buried.view == after(deleted(), *ALL).view
    assert after(transcribed(1, 99, options_hash="d" * 12), known=buried) is buried


def test_lost_artifacts_are_failures_of_their_stages() -> None:
    view = after(*ALL).view
    lost = {"diarize": failed("diarize").data, "transcribe/1": failed("transcribe", part=1).data}
    amended = without(view, lost)
    assert amended.diarize_failure is not None
    assert list(amended.transcribed) == [0]
    assert amended.is_settled
    assert amended.failure is None
    assert without(view, {**lost, "transcribe/0": failed("transcribe", part=0).data}).failure is not None
