"""The fold: any order, any number of repetitions, one view."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import Envelope, PartReady, PartTranscribed
from polyvox.contracts.part_ready import AudioSlice
from results_api.view.fold import FOLDED, fold, fold_all
from results_api.view.progress import eta_s, progress
from results_api.view.replays import current, state_of
from results_api.view.stages import basis, part_states, stage_reports
from results_api.view.view import RecordingView
from tests.support.events import (
    START,
    at,
    audio_removed,
    corrected,
    deleted,
    diarized,
    failed,
    in_replay,
    listened,
    ready,
    replay_requested,
    retake_failed,
    retake_ready,
    retake_transcribed,
    transcribed,
    uploaded,
)

seconds = st.integers(0, 5).map(float)
reasons = st.sampled_from(["It broke.", "No sound.", "Too long."])
hashes = st.sampled_from(["a" * 12, "b" * 12])
parts = st.integers(0, 3)

stages = st.one_of(
    st.builds(transcribed, parts, seconds, options_hash=hashes),
    st.builds(diarized, seconds, options_hash=hashes),
    st.builds(listened, st.sampled_from([600.0, 1200.0]), seconds),
    st.builds(failed, st.sampled_from(["normalise", "diarize"]), seconds, reason=reasons),
    st.builds(failed, st.just("transcribe"), seconds, part=st.none() | parts, reason=reasons),
)
replays = st.sampled_from(["replay-1", "replay-2"])
takes = st.sampled_from(["retake-1", "retake-2"])
events = st.one_of(
    st.builds(uploaded, seconds),
    st.builds(ready, seconds, parts=st.integers(0, 3), diarize=st.booleans()),
    stages,
    st.builds(retake_ready, parts, seconds, retake=takes, batch=st.sampled_from([(), ("retake-1", "retake-2")])),
    st.builds(retake_transcribed, parts, seconds, retake=takes),
    st.builds(retake_failed, parts, seconds, retake=takes),
    st.builds(in_replay, stages, replays),
    st.builds(corrected, st.integers(0, 2), seconds),
    st.builds(corrected, st.integers(3, 5), seconds, takes_back=st.integers(0, 2)),
    st.builds(audio_removed, seconds, reason=st.sampled_from([None, "retention"])),
    st.builds(replay_requested, st.sampled_from(["transcribe", "diarize", "merge"]), seconds, replay=replays),
)
streams = st.lists(events, min_size=1, max_size=12)


@st.composite
def retellings(draw: st.DrawFn, source: st.SearchStrategy[list[Envelope[Any]]]) -> tuple[list[Any], list[Any]]:
    """A stream, and the same stream shuffled with some events told again."""
    stream = draw(source)
    repeats = draw(st.lists(st.sampled_from(stream), max_size=6))
    return stream, draw(st.permutations(stream + repeats))


@given(retellings(streams | streams.map(lambda stream: [*stream, deleted(2), deleted(4)])))
def test_order_and_repetition_change_nothing(told: tuple[list[Any], list[Any]]) -> None:
    once, again = (fold_all(stream) for stream in told)
    assert once == again
    assert once.model_dump_json() == again.model_dump_json()
    assert basis(current(once)) == basis(current(again))
    assert [state_of(once, id_) for id_ in once.replays] == [state_of(again, id_) for id_ in again.replays]


@given(streams)
def test_a_view_survives_the_database(stream: list[Any]) -> None:
    view = fold_all(stream)
    assert RecordingView.model_validate_json(view.model_dump_json()) == view


@given(streams, events)
def test_folding_leaves_the_old_view_alone(stream: list[Any], event: Envelope[Any]) -> None:
    view = fold_all(stream)
    before = view.model_dump_json()
    fold(view, event)
    assert view.model_dump_json() == before


@given(streams)
def test_a_tombstone_absorbs_everything(stream: list[Any]) -> None:
    tomb = fold_all([*stream, deleted()])
    assert tomb.phase == "deleted"
    assert not tomb.is_settled
    assert tomb == fold_all([deleted(), *stream])
    assert (tomb.uploaded, tomb.ready, tomb.diarized, tomb.transcribed, tomb.failures) == (None, None, None, {}, {})


@given(streams)
def test_progress_is_a_share_and_complete_when_settled(stream: list[Any]) -> None:
    view = fold_all(stream)
    assert 0.0 <= progress(view) <= 1.0
    assert (progress(view) == 1.0) == view.is_settled
    statuses = {report.status for report in stage_reports(view).values()}
    if view.is_settled and view.failure is None:
        assert statuses <= {"done", "failed", "skipped"}


@given(streams, events)
def test_events_of_other_kinds_are_let_pass(stream: list[Any], event: Envelope[Any]) -> None:
    part = PartReady(
        media_id="rec-00000001",
        part=0,
        part_count=1,
        start_s=0,
        end_s=1,
        audio=AudioSlice(key="k", header_bytes=1, start_byte=1, end_byte=2),
    )
    assert PartReady not in FOLDED
    assert fold_all([*stream, at(part, 9)]) == fold_all(stream)


def test_another_recording_is_refused() -> None:
    view = RecordingView(media_id="rec-00000002")
    with pytest.raises(ValueError, match="rec-00000002"):
        fold(view, uploaded())


def test_a_recording_walks_to_its_end() -> None:
    stream = [uploaded(0), ready(1), listened(600.0, 1.5), transcribed(1, 2), transcribed(0, 3), diarized(4)]
    views = [fold_all(stream[: n + 1]) for n in range(len(stream))]
    assert [view.phase for view in views] == ["processing"] * 5 + ["completed"]
    assert [round(progress(view), 2) for view in views] == [0.0, 0.1, 0.25, 0.55, 0.85, 1.0]
    assert [part.status for part in part_states(views[3])] == ["running", "done"]
    assert {name: report.status for name, report in stage_reports(views[3]).items()} == {
        "normalise": "done",
        "transcribe": "running",
        "diarize": "running",
    }
    assert stage_reports(views[4])["transcribe"].processing_s == 3.0
    assert views[0].owner is not None
    assert views[4].owner is not None
    assert views[4].owner.tenant == "acme"
    assert len({basis(view) for view in views}) == 5


def test_speakers_that_nobody_asked_for_are_not_awaited() -> None:
    view = fold_all([uploaded(diarize=False), ready(diarize=False), transcribed(0), transcribed(1)])
    assert view.phase == "completed"
    assert stage_reports(view)["diarize"].status == "skipped"


def test_a_failed_diarization_does_not_withhold_the_words() -> None:
    view = fold_all([uploaded(), ready(), transcribed(0), transcribed(1), failed("diarize", reason="Out of memory.")])
    assert view.phase == "completed"
    assert stage_reports(view)["diarize"].reason == "Out of memory."


def test_a_failed_part_is_said_and_the_others_are_kept() -> None:
    view = fold_all([uploaded(), ready(), transcribed(0), failed("transcribe", part=1), diarized()])
    assert view.phase == "completed"
    report = stage_reports(view)["transcribe"]
    assert report.status == "failed"
    assert report.reason == "1 of 2 parts could not be transcribed: It broke."


def test_a_recording_without_one_transcribed_part_fails() -> None:
    view = fold_all([uploaded(), ready(), failed("transcribe", part=0), failed("transcribe", part=1)])
    assert view.phase == "failed"
    assert view.failure is not None
    assert (view.failure.stage, view.failure.code) == ("transcribe", "broken")


def test_a_recording_that_cannot_be_decoded_fails_and_a_replay_mends_it() -> None:
    broken = [uploaded(), failed("normalise", 1, reason="There is no sound in this file.")]
    view = fold_all(broken)
    assert view.phase == "failed"
    assert view.failure is not None
    assert view.failure.reason == "There is no sound in this file."
    mended = fold_all([ready(9), *broken, diarized(), transcribed(1), transcribed(0)])
    assert mended.phase == "completed"


def test_a_success_outweighs_a_failure_whichever_came_last() -> None:
    for success_s, failure_s in ((2, 3), (3, 2)):
        view = fold_all([ready(), transcribed(0, success_s), failed("transcribe", failure_s, part=0), transcribed(1)])
        assert [part.status for part in part_states(view)] == ["done", "done"]


def test_of_two_transcriptions_of_a_part_the_later_one_counts() -> None:
    old, new = transcribed(0, 2, options_hash="b" * 12), transcribed(0, 3, options_hash="a" * 12)
    for stream in ([ready(), old, new], [new, ready(), old]):
        kept: PartTranscribed = fold_all(stream).transcribed[0].data
        assert kept.options_hash == "a" * 12


def test_a_silent_recording_without_parts_completes() -> None:
    assert fold_all([uploaded(), ready(parts=0), diarized()]).phase == "completed"


def test_the_time_left_follows_the_pace() -> None:
    def now(second: float) -> datetime:
        return START + timedelta(seconds=second)

    waiting = fold_all([uploaded(0), ready(10)])
    assert eta_s(fold_all([uploaded(0)]), now(5)) is None
    assert eta_s(waiting, now(10)) is None
    assert eta_s(waiting, now(20), typical_s_per_audio_s=0.1) == pytest.approx(110)
    half = fold_all([uploaded(0), ready(10), transcribed(0, 40)])
    assert eta_s(half, now(40)) == pytest.approx(60)
    assert eta_s(half, now(60)) == pytest.approx(40)
    assert eta_s(half, now(200)) is None
    done = fold_all([uploaded(0), ready(10), transcribed(0, 40), transcribed(1, 50), diarized(60)])
    assert eta_s(done, now(70)) == 0.0
