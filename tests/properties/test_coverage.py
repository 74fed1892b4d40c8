"""The audit finds planted gaps and planted words, and claims nothing it cannot know."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import Diarization, PartWords, SpeechRegion, Turn, Word
from results_api.merge.coverage import GAP_S, SPEECH_MARGIN_S, audit, heard, suspects
from results_api.merge.intervals import Interval, Measure, intersect, subtract, total_s, union

whole = [(0.0, 200.0)]
numbers = st.integers(0, 200).map(float)
interval_sets = st.lists(st.tuples(numbers, numbers), max_size=12)


def holds(intervals: list[Interval], moment: float) -> bool:
    return any(start <= moment < end for start, end in intervals)


@given(interval_sets, interval_sets)
def test_interval_sets_obey_their_meaning(left: list[Interval], right: list[Interval]) -> None:
    one, two = union(left), union(right)
    both, only = intersect(one, two), subtract(one, two)
    for moment in (n + 0.5 for n in range(200)):
        assert holds(one, moment) == holds(left, moment)
        assert holds(both, moment) == (holds(left, moment) and holds(right, moment))
        assert holds(only, moment) == (holds(left, moment) and not holds(right, moment))
    assert abs(total_s(both) + total_s(only) - total_s(one)) < 1e-6
    assert all(end < start for (_, end), (start, _) in pairwise(one))


@given(interval_sets, numbers, numbers)
def test_a_measure_agrees_with_the_intersection(intervals: list[Interval], start_s: float, end_s: float) -> None:
    joined = union(intervals)
    stretch = [(start_s, end_s)] if start_s < end_s else []
    assert abs(Measure(joined).covered_s(start_s, end_s) - total_s(intersect(joined, stretch))) < 1e-6


@given(st.floats(5, 150), st.floats(GAP_S + 1.0, 30))
def test_a_planted_gap_is_found(start_s: float, length_s: float) -> None:
    words = [(n * 0.5, n * 0.5 + 0.4) for n in range(400)]
    left = [word for word in words if word[1] <= start_s or word[0] >= start_s + length_s]
    coverage = audit(left, whole, whole)
    assert len(coverage.gaps) == 1
    assert start_s - 0.6 <= coverage.gaps[0].start <= start_s + 0.6
    assert start_s + length_s - 0.6 <= coverage.gaps[0].end <= start_s + length_s + 0.6
    assert coverage.words_outside_speech == 0
    assert audit(words, whole, whole).gaps == []


@given(st.lists(st.floats(31, 59), min_size=1, max_size=5))
def test_planted_hallucinations_are_flagged(moments: list[float]) -> None:
    speech = [(0.0, 30.0), (60.0, 90.0)]
    real = [(n * 0.5, n * 0.5 + 0.4) for n in range(180) if n * 0.5 < 29.5 or n * 0.5 > 60]
    planted = [(moment, moment + 0.3) for moment in sorted(moments)]
    words = sorted(real + planted)
    flagged = [word for word, flag in zip(words, suspects(words, speech), strict=True) if flag]
    assert flagged == [word for word in planted if word[1] < 60 - SPEECH_MARGIN_S]
    coverage = audit(words, speech, [(0.0, 90.0)])
    assert coverage.words_outside_speech == len(flagged)
    for start_s, end_s in flagged:
        assert any(span.start <= start_s + 0.001 and end_s <= span.end + 0.001 for span in coverage.suspect)


@given(interval_sets, interval_sets)
def test_the_sums_fit(words: list[Interval], speech: list[Interval]) -> None:
    spoken = sorted((min(word), max(word)) for word in words)
    coverage = audit(spoken, union(speech), whole)
    assert 0.0 <= coverage.covered <= coverage.speech <= 200.0
    assert all(gap.end - gap.start > GAP_S - 0.001 for gap in coverage.gaps)
    assert sum(gap.end - gap.start for gap in coverage.gaps) <= coverage.speech - coverage.covered + 0.01


def test_parts_that_are_still_awaited_are_no_gaps() -> None:
    assert audit([(0.0, 60.0)], [(0.0, 120.0)], [(0.0, 60.0)]).gaps == []
    assert len(audit([(0.0, 60.0)], [(0.0, 120.0)], [(0.0, 120.0)]).gaps) == 1


def test_speech_is_what_the_diarizer_heard_else_what_the_transcriber_heard() -> None:
    word = Word(start_s=1, end_s=2, text=" hm", probability=1)
    silent = PartWords(media_id="rec-00000001", part=0, start_s=0, end_s=9, words=[], engine="e", model="m")
    heard_2_3 = silent.model_copy(update={"speech": [SpeechRegion(start_s=2, end_s=3)]})
    diarization = Diarization(
        media_id="rec-00000001",
        duration_s=9,
        turns=[Turn(start_s=4, end_s=6, speaker="S1")],
        speech=[SpeechRegion(start_s=5, end_s=7)],
        engine="p",
        model="b",
    )
    assert heard(diarization, [heard_2_3]) == [(4, 7)]
    assert heard(None, [heard_2_3]) == [(2, 3)]
    assert heard(None, [silent]) == []
    assert heard(None, [silent.model_copy(update={"words": [word]})]) is None
    assert suspects([(1.0, 2.0)], None) == [False]
    assert audit([(1.0, 2.0)], None, whole).words_outside_speech == 0
