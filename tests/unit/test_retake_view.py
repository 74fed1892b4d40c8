"""Which second attempts count: those of the words that count, all that were asked for together at once."""

from __future__ import annotations

from itertools import permutations

from results_api.view import retakes
from results_api.view.fold import fold_all
from results_api.view.stages import basis, part_states
from results_api.view.waiting import waiting
from tests.support.events import (
    diarized,
    failed,
    ready,
    retake_failed,
    retake_ready,
    retake_transcribed,
    transcribed,
    uploaded,
)

FIRST = [uploaded(), ready(), transcribed(0), transcribed(1), diarized()]
BOTH = ("retake-1", "retake-2")
ASKED = [retake_ready(0, retake="retake-1", batch=BOTH), retake_ready(1, retake="retake-2", batch=BOTH)]


def test_what_was_asked_for_together_makes_one_new_result_when_the_last_of_it_has_ended() -> None:
    heard = [retake_transcribed(0, 6, retake="retake-1"), retake_failed(1, 7, retake="retake-2")]
    first = fold_all(FIRST)
    for order in permutations([*ASKED, *heard]):
        bases = [basis(first)]
        view = first
        for event in order:
            view = fold_all([event], view)
            bases.append(basis(view))
        assert bases[:-1] == [basis(first)] * 4
        assert bases[-1] != basis(first)
        assert retakes.ended(view) == {"retake-1": True, "retake-2": False}
        assert list(retakes.words_of(view)) == ["retake-1"]
    assert view.is_settled
    assert [state.status for state in part_states(view)] == ["done", "done"]


def test_a_success_after_a_failure_is_another_result() -> None:
    asked = retake_ready(0)
    view = fold_all([*FIRST, asked, retake_failed(0)])
    mended = fold_all([retake_transcribed(0, 9)], view)
    assert basis(view) != basis(mended)
    assert retakes.ended(mended) == {"retake-1": True}


def test_a_retake_of_other_words_than_those_that_count_is_left_out() -> None:
    view = fold_all([*FIRST, retake_ready(0), retake_transcribed(0)])
    again = fold_all([transcribed(0, 20, options_hash="c" * 12)], view)
    assert retakes.ended(view) == {"retake-1": True}
    assert retakes.ended(again) == {}
    assert list(retakes.asked(again)) == []
    assert basis(again) == basis(fold_all([*FIRST, transcribed(0, 20, options_hash="c" * 12)]))


def test_a_failed_retake_fails_no_part_and_asked_for_audio_waits() -> None:
    view = fold_all([*FIRST, *ASKED])
    assert waiting(view).transcribe_s == 20.0
    over = fold_all([retake_failed(0, retake="retake-1"), retake_failed(1, retake="retake-2")], view)
    assert waiting(over).transcribe_s == 0.0
    assert over.part_failure(0) is None
    assert over.phase == "completed"
    assert fold_all([*FIRST[:3], failed("transcribe", part=1), diarized(), retake_failed(0)]).phase == "completed"
