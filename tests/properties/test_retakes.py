"""Words of a second attempt: in the gap, in order, none twice, and nothing of the first attempt changed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import Diarization, PartWords, SpeechRegion, Turn, Word
from results_api.merge.coverage import audit, dismissed, heard, with_retakes
from results_api.merge.retakes import joined

TEXT = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "then",
    "it",
    "sleeps",
    "until",
    "next",
    "morning",
    "comes",
    "again",
]


def word(n: int, shift_s: float = 0.0) -> Word:
    start_s = n * 0.5 + shift_s
    return Word(start_s=start_s, end_s=start_s + 0.4, text=f" {TEXT[n % len(TEXT)]}{n}", probability=0.9)


def part(words: list[Word], *, speech: list[tuple[float, float]] = [(0.0, 30.0)], **more: object) -> PartWords:  # noqa: B006
    return PartWords.model_validate(
        {
            "media_id": "rec-00000001",
            "part": 0,
            "start_s": 0.0,
            "end_s": 30.0,
            "words": words,
            "speech": [SpeechRegion(start_s=start_s, end_s=end_s) for start_s, end_s in speech],
            "engine": "e",
            "model": "m",
            **more,
        }
    )


def retake(words: list[Word], start_s: float, end_s: float, **more: object) -> PartWords:
    return part(words, stretches=[SpeechRegion(start_s=start_s, end_s=end_s)], **more)  # type: ignore[arg-type]


def said(found: PartWords) -> list[str]:
    return [word.text.strip() for word in found.words]


ALL = [word(n) for n in range(60)]


@given(st.integers(1, 40), st.integers(5, 18), st.integers(0, 3), st.integers(0, 3), st.floats(-0.15, 0.15))
def test_a_removed_stretch_comes_back_word_for_word_though_its_neighbours_were_heard_again(
    first: int, count: int, before: int, after: int, shift_s: float
) -> None:
    last = first + count
    kept = part(ALL[:first] + ALL[last:])
    again = retake(
        [word(n, shift_s) for n in range(max(first - before, 0), min(last + after, 60))], first / 2, last / 2
    )
    (found,) = joined([kept], [again])
    assert said(found) == said(part(ALL))
    assert all(earlier.start_s <= later.start_s for earlier, later in pairwise(found.words))


@given(st.lists(st.tuples(st.floats(0, 29), st.floats(0, 1)), max_size=12), st.floats(0, 20), st.floats(1, 9))
def test_every_word_of_the_first_attempt_stays(spoken: list[tuple[float, float]], at_s: float, long_s: float) -> None:
    words = sorted((Word(start_s=a, end_s=a + b, text=" w", probability=1) for a, b in spoken), key=lambda w: w.start_s)
    first = part(words)
    takes = [retake([word(n) for n in range(60)], at_s, at_s + long_s), retake([word(3)], 1, 4)]
    (found,) = joined([first], takes)
    assert joined([first], takes[::-1]) == [found]
    times = [(one.start_s, one.end_s) for one in found.words]
    assert all((one.start_s, one.end_s) in times for one in words)
    new = [one for one in found.words if one.text.strip() != "w"]
    assert all(min(at_s, 1) - 0.3 <= (one.start_s + one.end_s) / 2 <= max(at_s + long_s, 4) + 0.3 for one in new)


def test_a_word_said_twice_far_apart_is_kept_twice() -> None:
    yes = [Word(start_s=s, end_s=s + 0.3, text=" yes", probability=1) for s in (1.0, 4.0, 8.0)]
    (found,) = joined([part([yes[0], yes[2]])], [retake([yes[1]], 1.6, 7.7)])
    assert [one.start_s for one in found.words] == [1.0, 4.0, 8.0]


def test_what_only_the_diarizer_took_for_speech_is_no_gap_after_a_second_attempt_in_silence() -> None:
    turns = [Turn(start_s=0.0, end_s=30.0, speaker="S1")]
    diarization = Diarization(media_id="rec-00000001", duration_s=30.0, turns=turns, engine="p", model="b")
    first = part(ALL[:20], speech=[(0.0, 10.0)])
    spans = [(one.start_s, one.end_s) for one in first.words]

    def gaps(*takes: PartWords) -> list[tuple[float, float]]:
        found = audit(spans, heard(diarization, [first], takes), [(0.0, 30.0)])
        return [(gap.start, gap.end) for gap in with_retakes(found, diarization, [first], takes).gaps]

    assert gaps() == [(10.2, 30.0)]
    assert gaps(retake([], 10.2, 30.0, speech=[])) == []
    # Of it, what the second attempt took for speech remains a gap.
    assert gaps(retake([], 10.2, 30.0, speech=[(20.0, 25.0)])) == [(19.5, 25.5)]
    # An engine without a detector cannot say that nobody speaks.
    deaf = part(ALL[:20], speech=[])
    assert dismissed(diarization, [deaf], [retake([], 10.2, 30.0, speech=[])]) == []
