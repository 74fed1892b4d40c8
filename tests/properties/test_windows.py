"""Speech is cut into windows without losing or doubling any of it, and times find their way back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcriber.speech import FRAME_S, MIN_SILENCE_S, Region, find_regions, split_long, subtract, total_s
from transcriber.windows import MAX_S, PAD_S, SAMPLE_RATE_HZ, Window, plan, spread, uncovered
from transcriber.words import SENTENCE_ENDS, Aligned, merge_punctuation, place, sentences

TINY_S = 1e-6


@st.composite
def speech(draw: st.DrawFn, longest_s: float = MAX_S, max_size: int = 40) -> tuple[list[Region], float]:
    """Regions in order and apart, none longer than ``longest_s``, and the length of the recording."""
    regions: list[Region] = []
    now_s = 0.0
    for pause_s, length_s in draw(
        st.lists(
            st.tuples(
                st.one_of(st.just(0.0), st.floats(0.3, 2.5), st.floats(2.5, 100.0)),
                st.one_of(st.floats(0.1, 5.0), st.floats(5.0, longest_s), st.just(longest_s)),
            ),
            max_size=max_size,
        )
    ):
        regions.append((now_s + pause_s, now_s + pause_s + length_s))
        now_s = regions[-1][1]
    return regions, now_s + draw(st.floats(0.0, 60.0))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    regions, duration_s = draw(speech(max_size=12).filter(lambda found: bool(found[0])))
    return draw(st.sampled_from(plan(regions, duration_s=duration_s)))


@given(speech())
def test_all_speech_is_in_exactly_one_window(given_speech: tuple[list[Region], float]) -> None:
    regions, duration_s = given_speech
    assert [region for window in plan(regions, duration_s=duration_s) for region in window.speech] == regions


@given(speech())
def test_windows_fit_the_model_and_hold_their_speech(given_speech: tuple[list[Region], float]) -> None:
    regions, duration_s = given_speech
    for window in plan(regions, duration_s=duration_s):
        assert window.duration_s <= MAX_S + TINY_S
        assert 0 <= window.start_s <= window.end_s <= duration_s + TINY_S
        for start_s, end_s in window.speech:
            assert any(low - TINY_S <= start_s and end_s <= high + TINY_S for low, high in window.pieces)


@given(speech())
def test_no_moment_is_heard_twice(given_speech: tuple[list[Region], float]) -> None:
    regions, duration_s = given_speech
    pieces = [piece for window in plan(regions, duration_s=duration_s) for piece in window.pieces]
    assert all(before[1] <= after[0] + TINY_S for before, after in pairwise(pieces))


@given(speech(longest_s=20.0))
def test_speech_keeps_its_padding_where_there_is_room(given_speech: tuple[list[Region], float]) -> None:
    regions, duration_s = given_speech
    found = plan(regions, duration_s=duration_s)
    if found:
        assert found[0].start_s == pytest.approx(max(regions[0][0] - PAD_S, 0.0))
        assert found[-1].end_s == pytest.approx(min(regions[-1][1] + PAD_S, duration_s))


@given(windows())
def test_what_is_cut_is_as_long_as_the_window(window: Window) -> None:
    audio = np.arange(int((window.end_s + 1) * SAMPLE_RATE_HZ), dtype=np.float32)
    samples = window.cut(audio)
    assert abs(samples.size - window.duration_s * SAMPLE_RATE_HZ) <= len(window.pieces)
    assert np.all(np.diff(samples) > 0)


@given(windows(), st.lists(st.floats(0.0, 1.0), min_size=2, max_size=10))
def test_times_lead_back_into_the_pieces_in_order(window: Window, fractions: list[float]) -> None:
    back = [window.to_original_s(fraction * window.duration_s) for fraction in sorted(fractions)]
    assert back == sorted(back)
    assert all(any(low <= at_s <= high for low, high in window.pieces) for at_s in back)


@given(st.lists(st.floats(0.0, 1.0, width=32), max_size=3000), st.floats(0.0, FRAME_S))
def test_regions_are_in_order_apart_and_inside(chances: list[float], short_s: float) -> None:
    duration_s = max(len(chances) * FRAME_S - short_s, 0.0)
    regions = find_regions(np.array(chances, np.float32), duration_s=duration_s)
    assert all(0 <= start_s < end_s <= duration_s for start_s, end_s in regions)
    assert all(after[0] - before[1] >= MIN_SILENCE_S - TINY_S for before, after in pairwise(regions))


@given(st.integers(1, 4000), st.floats(2.0, 30.0), st.randoms())
def test_long_speech_is_cut_without_losing_any(frames: int, max_s: float, random: object) -> None:
    chances = np.random.default_rng(random.getrandbits(32)).random(frames, np.float32)  # type: ignore[attr-defined]
    whole = (0.0, frames * FRAME_S)
    pieces = split_long([whole], chances, max_s=max_s)
    assert (pieces[0][0], pieces[-1][1]) == whole
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
    assert all(end_s - start_s <= max_s + TINY_S for start_s, end_s in pieces)


def test_long_speech_is_cut_at_its_pause() -> None:
    chances = np.full(2000, 0.9, np.float32)
    chances[800:806] = 0.4
    (_, cut_s), (_, _), *_ = split_long([(0.0, 64.0)], chances, max_s=30.0)
    assert 800 * FRAME_S <= cut_s <= 806 * FRAME_S


@given(speech(max_size=15), speech(max_size=15))
def test_subtracting_leaves_what_is_not_covered(
    given_speech: tuple[list[Region], float], covering: tuple[list[Region], float]
) -> None:
    left = subtract(given_speech[0], covering[0])
    assert subtract(left, covering[0]) == left
    overlap_s = sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in given_speech[0] for b in covering[0])
    assert total_s(left) == pytest.approx(total_s(given_speech[0]) - overlap_s, abs=1e-4)


@st.composite
def window_with_words(draw: st.DrawFn) -> tuple[Window, list[Region]]:
    window = draw(windows())
    steps = draw(st.lists(st.tuples(st.floats(0.0, 8.0), st.floats(0.0, 1.5)), max_size=30))
    words, now_s = [], window.start_s
    for pause_s, length_s in steps:
        if now_s + pause_s + length_s > window.end_s:
            break
        words.append((now_s + pause_s, now_s + pause_s + length_s))
        now_s = words[-1][1]
    return window, words


@given(window_with_words())
def test_what_words_leave_out_is_given_again_without_the_words(given_words: tuple[Window, list[Region]]) -> None:
    window, words = given_words
    found = uncovered(window, words)
    assert words or not found
    for left_out in found:
        assert window.start_s <= left_out.start_s < left_out.end_s <= window.end_s
        assert left_out.duration_s <= MAX_S
        assert not [w for w in words if w[0] < left_out.end_s - TINY_S and w[1] > left_out.start_s + TINY_S]
    assert all(before.end_s <= after.start_s + TINY_S for before, after in pairwise(found))


def test_speech_after_the_last_word_is_given_again() -> None:
    window = Window(((0.0, 25.0),), ((1.0, 12.0), (13.0, 24.0)))
    (again,) = uncovered(window, [(1.0 + step, 1.4 + step) for step in range(11)])
    assert again.pieces == ((12.6, 24.4),)


def test_a_short_sentence_that_stands_alone_is_given_again_but_not_what_is_short_beside_words() -> None:
    window = Window(((0.0, 5.0), (9.0, 11.0), (15.0, 20.0)), ((0.4, 4.6), (9.4, 10.6), (15.4, 19.6)))
    words = [*((0.5 + step, 0.9 + step) for step in range(3)), *((15.5 + step, 15.9 + step) for step in range(5))]
    (again,) = uncovered(window, words)
    assert again == Window(((9.0, 11.0),), ((9.4, 10.6),))
    breath = Window(window.pieces, (window.speech[0], (9.4, 9.9), window.speech[2]))
    assert uncovered(breath, words) == []


def test_a_window_in_which_nothing_was_found_is_left_at_that() -> None:
    assert uncovered(Window(((0.0, 25.0),), ((1.0, 24.0),)), []) == []


@st.composite
def alignments(draw: st.DrawFn) -> tuple[Window, list[Aligned], list[int]]:
    window = draw(windows())
    texts = st.sampled_from([" one", " two", ".", ",", " (", ")", " three", "\u597d", " -", "?"])
    steps = draw(st.lists(st.tuples(st.floats(0.0, 2.0), texts, st.floats(-0.1, 1.1)), max_size=40))
    now_s, aligned = 0.0, []
    for length_s, text, probability in steps:
        end_s = min(now_s + length_s, window.duration_s)
        aligned.append(Aligned(text, now_s, end_s, probability, 1))
        now_s = end_s
    cut = draw(st.integers(0, len(aligned)))
    return window, aligned, [count for count in (cut, len(aligned) - cut) if count]


@given(alignments())
def test_placed_words_are_monotone_and_inside_the_window(given_words: tuple[Window, list[Aligned], list[int]]) -> None:
    window, aligned, segments = given_words
    placed = place(aligned, segments, window)
    assert all(before.end_s <= after.start_s for before, after in pairwise(placed))
    assert all(before.segment <= after.segment for before, after in pairwise(placed))
    for word in placed:
        assert window.start_s <= word.start_s <= word.end_s <= window.end_s + TINY_S
        assert 0 <= word.probability <= 1
    # An opening mark with nothing after it has no word to stand with.
    assert "".join(w.text for w in placed).startswith("".join(a.text for a in aligned).rstrip(" ("))


def test_punctuation_goes_with_its_word() -> None:
    window = Window(((0.0, 10.0),), ((0.0, 10.0),))
    texts = [" He", " said", ":", ' "', "Yes", ".", '"', " Then", " 5", "?"]
    aligned = [Aligned(text, at / 2, at / 2 + 0.5, 1.0, 1) for at, text in enumerate(texts)]
    assert [w.text for w in place(aligned, [10], window)] == [" He", " said:", ' "Yes."', " Then", " 5?"]
    assert merge_punctuation([]) == []


def test_a_pause_is_taken_out_of_the_word_beside_it() -> None:
    window = Window(((0.0, 10.0),), ((0.0, 1.5), (5.0, 6.0)))
    aligned = [
        Aligned(" One", 0.0, 0.5, 1.0, 1),
        Aligned(" two.", 0.5, 1.5, 1.0, 1),
        Aligned(" Three", 1.5, 5.5, 1.0, 1),
        Aligned(" four", 5.5, 6.0, 1.0, 1),
    ]
    assert [(w.start_s, w.end_s) for w in place(aligned, [4], window)] == [
        (0.0, 0.5),
        (0.5, 1.5),
        (5.0, 5.5),
        (5.5, 6.0),
    ]


def test_a_word_across_a_cut_goes_where_the_voice_is() -> None:
    window = Window(((0.0, 2.0), (60.0, 63.0)), ((0.0, 1.6), (60.4, 62.6)))
    aligned = [
        Aligned(" there.", 1.0, 1.6, 1.0, 1),
        Aligned(" Well,", 1.6, 2.5, 1.0, 1),
        Aligned(" no", 2.5, 3.0, 1.0, 1),
    ]
    assert [round(w.start_s, 3) for w in place(aligned, [3], window)] == [1.0, 60.0, 60.5]


@given(speech(), st.integers(1, 6))
def test_windows_are_taken_from_all_over(given_speech: tuple[list[Region], float], count: int) -> None:
    found = plan(given_speech[0], duration_s=given_speech[1])
    taken = spread(found, count)
    assert len(taken) == min(count, len(found))
    assert taken == sorted(set(taken))
    if len(found) > 1 and count > 1:
        assert (taken[0], taken[-1]) == (0, len(found) - 1)


@given(
    st.lists(
        st.tuples(st.sampled_from([" one", " two.", " Mr.", ' "three?"', "。", "!", " four", ' "']), st.integers(1, 3))
    )
)
def test_sentences_have_every_token_once_and_end_where_they_stop(texts: list[tuple[str, int]]) -> None:
    aligned = [Aligned(text, 0.0, 0.0, 1.0, tokens) for text, tokens in texts]
    counts = sentences(aligned)
    assert sum(counts) == sum(word.tokens for word in aligned)
    assert all(counts)
    ends = np.cumsum([word.tokens for word in aligned]).tolist()
    for end in np.cumsum(counts).tolist()[:-1]:
        so_far = "".join(word.text for word in aligned[: ends.index(end) + 1])
        assert so_far.rstrip('" ').endswith(SENTENCE_ENDS)


def test_an_answer_without_stops_is_one_sentence() -> None:
    words = [Aligned(text, 0.0, 0.0, 1.0, 2) for text in (" so", " it", " is")]
    assert sentences(words) == [6]
    assert sentences([*words, Aligned(".", 0.0, 0.0, 1.0, 1), *words]) == [7, 6]
    assert sentences([]) == []
