"""A replay takes the place of what is there when all of its work is done, and not before."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from polyvox.contracts import Envelope, Options
from polyvox.errors import Invalid
from results_api.database.recording import Recording, with_event
from results_api.replays.inputs import inputs
from results_api.replays.order import Order, Where, options_after
from results_api.view.fold import fold_all
from results_api.view.replays import current, state_of
from tests.support.events import (
    START,
    diarized,
    failed,
    in_replay,
    ready,
    replay_requested,
    transcribed,
    uploaded,
)

FIRST = [uploaded(), ready(parts=2), transcribed(0), transcribed(1), diarized()]
NEW = "c" * 12


def plans(events: list[Envelope[Any]]) -> list[int]:
    """The planned version after each event."""
    recording: Recording | None = None
    versions = []
    for event in events:
        recording = with_event(recording, event, START)
        versions.append(recording.planned_version)
    return versions


def test_a_replay_of_several_parts_plans_one_version_in_whatever_order_it_is_told() -> None:
    replay = [
        replay_requested("transcribe"),
        in_replay(transcribed(0, 11, options_hash=NEW)),
        in_replay(transcribed(1, 12, options_hash=NEW)),
    ]
    for order in itertools.permutations(replay):
        versions = plans([*FIRST, *order])
        assert versions[4:] == [1, 1, 1, 2]
        view = current(fold_all([*FIRST, *order]))
        assert {told.data.options_hash for told in view.transcribed.values()} == {NEW}
        assert view.diarized is not None


def test_until_a_replay_is_done_nothing_changes() -> None:
    half = fold_all([*FIRST, replay_requested("transcribe"), in_replay(transcribed(0, 11, options_hash=NEW))])
    assert {told.data.options_hash for told in current(half).transcribed.values()} == {"a" * 12}
    assert state_of(half, "replay-1") == ("pending", None)


def test_a_replay_that_fails_leaves_what_is_there_and_says_why() -> None:
    lost = in_replay(failed("transcribe", 12, part=1, reason="No such model."))
    events = [*FIRST, replay_requested("transcribe"), lost]
    assert plans(events)[-1] == 1
    assert state_of(fold_all(events), "replay-1")[0] == "pending"
    both = [*events, in_replay(transcribed(0, 11, options_hash=NEW))]
    state, failure = state_of(fold_all(both), "replay-1")
    assert state == "failed"
    assert failure is not None
    assert failure.reason == "No such model."
    assert plans(both)[-1] == 1
    mended = [*both, in_replay(transcribed(1, 20, options_hash=NEW))]
    assert state_of(fold_all(mended), "replay-1") == ("done", None)
    assert plans(mended)[-1] == 2


def test_the_latest_replay_of_a_stage_counts_and_stages_are_replayed_apart() -> None:
    events = [
        *FIRST,
        replay_requested("diarize", 10, replay="replay-1", num_speakers=2),
        in_replay(diarized(11, options_hash=NEW), "replay-1"),
        replay_requested("diarize", 20, replay="replay-2", num_speakers=3),
        in_replay(diarized(21, options_hash="d" * 12), "replay-2"),
    ]
    assert plans(events)[-1] == 3
    view = current(fold_all(events))
    assert view.diarized is not None
    assert view.diarized.data.options_hash == "d" * 12
    assert view.options.num_speakers == 3
    assert {told.data.options_hash for told in view.transcribed.values()} == {"a" * 12}


def test_speakers_are_found_later_where_the_upload_asked_for_none() -> None:
    first = [uploaded(diarize=False), ready(parts=1, diarize=False), transcribed(0, parts=1)]
    events = [*first, replay_requested("diarize", diarize=True), in_replay(diarized(11))]
    assert plans(events) == [0, 0, 1, 1, 2]
    assert current(fold_all(events)).diarized is not None


def test_a_merge_is_replayed_at_once() -> None:
    assert plans([*FIRST, replay_requested("merge")])[-1] == 2


def test_the_stage_gets_its_input_again_with_the_new_options() -> None:
    view = fold_all(FIRST)
    (again,) = inputs(view, replay_requested("diarize", num_speakers=3).data)
    assert (again.replay, again.lane, again.options.num_speakers) == ("replay-1", "bulk", 3)  # type: ignore[attr-defined]
    (refused,) = inputs(view, replay_requested("transcribe").data)
    assert refused.code == "too-old"  # type: ignore[attr-defined]
    assert inputs(view, replay_requested("merge").data) == []
    (undecoded,) = inputs(fold_all([uploaded()]), replay_requested("merge").data)
    assert undecoded.code == "not-decoded"  # type: ignore[attr-defined]


def test_an_exact_number_of_speakers_replaces_bounds_and_the_other_way_round() -> None:
    bounded, exact = Options(min_speakers=2, max_speakers=4), Options(num_speakers=2)
    assert options_after(Order(stage="diarize", set={"num_speakers": 3}), bounded) == Options(num_speakers=3)
    assert options_after(Order(stage="diarize", set={"max_speakers": 5}), exact) == Options(max_speakers=5)
    with pytest.raises(Invalid, match="min_speakers"):
        options_after(Order(stage="diarize", set={"min_speakers": 5}), bounded)


@pytest.mark.parametrize("changes", [{"metadata": {}}, {"task": "translate"}, {"colour": 1}, {"num_speakers": "many"}])
def test_what_is_no_option_of_a_replay_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Order(stage="diarize", set=changes)


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Where(since=START.replace(tzinfo=None))
