"""Speakers of words: checked against a plain, slow definition, and on cases a person can follow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import Turn, Word
from results_api.merge.attribution import NEAREST_S, UNKNOWN, assign
from tests.support.recordings import exclusive_turns, turns, words


def word(start_s: float, end_s: float, text: str = " word") -> Word:
    return Word(start_s=start_s, end_s=end_s, text=text, probability=1.0)


def turn(start_s: float, end_s: float, speaker: str) -> Turn:
    return Turn(start_s=start_s, end_s=end_s, speaker=speaker)


def who(spoken: list[Word], exclusive: list[Turn], full: list[Turn] | None = None) -> list[str]:
    return [found.speaker for found in assign(spoken, exclusive, exclusive if full is None else full)]


def overlap_s(one: Word, other: Turn) -> float:
    return max(min(one.end_s, other.end_s) - max(one.start_s, other.start_s), 0.0)


def distance_s(one: Word, other: Turn) -> float:
    return max(other.start_s - one.end_s, one.start_s - other.end_s, 0.0)


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 3)), max_size=15), exclusive_turns())
def test_it_is_the_largest_overlap_else_the_nearest_inside_the_bound(
    spans: list[tuple[float, float]], exclusive: list[Turn]
) -> None:
    # Sentences of one word: nothing here may follow its neighbours.
    spoken = [word(start_s, start_s + length_s, " Word.") for start_s, length_s in sorted(spans)]
    for one, speaker in zip(spoken, who(spoken, exclusive), strict=True):
        shares = {name: sum(overlap_s(one, t) for t in exclusive if t.speaker == name) for name in ("S1", "S2", "S3")}
        nearest = min((distance_s(one, t) for t in exclusive), default=float("inf"))
        if max(shares.values()) > 0:
            assert abs(shares[speaker] - max(shares.values())) < 1e-9
        elif nearest <= NEAREST_S:
            assert any(t.speaker == speaker and distance_s(one, t) <= nearest + 1e-9 for t in exclusive)
        else:
            assert speaker == UNKNOWN


@given(words(), exclusive_turns(), turns(), st.randoms(use_true_random=False))
def test_every_word_gets_one_speaker_whatever_the_order_of_turns(
    spoken: list[Word], exclusive: list[Turn], full: list[Turn], random: object
) -> None:
    found = assign(spoken, exclusive, full)
    assert len(found) == len(spoken)
    shuffled, mixed = list(exclusive), list(full)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert assign(spoken, shuffled, mixed) == found
    assert {one.speaker for one in found} <= {UNKNOWN, *(t.speaker for t in exclusive or full)}


@given(words(), turns())
def test_overlap_is_marked_where_two_speak_for_most_of_a_word(spoken: list[Word], full: list[Turn]) -> None:
    for one, found in zip(spoken, assign(spoken, [], full), strict=True):
        if one.end_s <= one.start_s:
            continue
        step_s = (one.end_s - one.start_s) / 200
        moments = [one.start_s + (n + 0.5) * step_s for n in range(200)]
        busy = sum(len({t.speaker for t in full if t.start_s <= m < t.end_s}) >= 2 for m in moments) / 200
        if abs(busy - 0.5) > 0.03:
            assert found.overlap == (busy > 0.5)


def test_a_word_across_a_change_goes_to_the_one_who_has_more_of_it() -> None:
    exclusive = [turn(0, 5, "S1"), turn(5, 10, "S2")]
    assert who([word(4.5, 5.2), word(4.9, 5.6)], exclusive) == ["S1", "S2"]


def test_pieces_of_one_speaker_count_together() -> None:
    exclusive = [turn(0, 1.2, "S1"), turn(1.2, 1.6, "S2"), turn(1.6, 3, "S1")]
    assert who([word(1.0, 1.9, " Well.")], exclusive) == ["S1"]


def test_a_word_without_length_goes_to_the_turn_it_lies_in() -> None:
    exclusive = [turn(0, 5, "S1"), turn(5, 10, "S2")]
    assert who([word(2, 2), word(5, 5), word(7, 7)], exclusive) == ["S1", "S2", "S2"]


def test_a_word_beside_all_turns_goes_to_the_nearest_or_to_nobody() -> None:
    exclusive = [turn(0, 5, "S1"), turn(8, 10, "S2")]
    assert who([word(5.5, 5.9), word(7.2, 7.6), word(11.5, 12)], exclusive) == ["S1", "S2", UNKNOWN]
    assert who([word(1, 2)], []) == [UNKNOWN]


def test_a_slip_inside_a_sentence_follows_its_neighbours() -> None:
    # "the" lies mostly in the silence between, and touches a stray end of the other's turn.
    exclusive = [turn(0, 0.9, "S1"), turn(1.15, 1.2, "S2"), turn(1.21, 3, "S1")]
    spoken = [word(0.5, 0.9, " on"), word(0.95, 1.2, " the"), word(1.22, 1.6, " other")]
    assert who(spoken, exclusive) == ["S1", "S1", "S1"]
    after_a_sentence = [word(0.5, 0.9, " on."), *spoken[1:]]
    assert who(after_a_sentence, exclusive) == ["S1", "S1", "S1"]
    by_itself = [after_a_sentence[0], word(0.95, 1.2, " Oh."), spoken[2]]
    assert who(by_itself, exclusive) == ["S1", "S2", "S1"]


def test_a_backchannel_keeps_its_speaker() -> None:
    exclusive = [turn(0, 1.0, "S1"), turn(1.0, 1.3, "S2"), turn(1.3, 3, "S1")]
    spoken = [word(0.5, 1.0, " on"), word(1.02, 1.28, " mhm"), word(1.3, 1.6, " the")]
    assert who(spoken, exclusive) == ["S1", "S2", "S1"]


def test_glued_words_stay_with_one_speaker() -> None:
    exclusive = [turn(0, 1.0, "S1"), turn(1.0, 3, "S2")]
    assert who([word(0.2, 1.0, " twenty"), word(1.0, 1.3, "-five")], exclusive) == ["S1", "S1"]


def test_a_short_overlap_inside_a_sentence_does_not_split_it() -> None:
    # S2 says "mhm" while S1 goes on; the transcriber wrote what S1 says.
    exclusive = [turn(0, 1.0, "S1"), turn(1.0, 1.7, "S2"), turn(1.7, 3, "S1")]
    spoken = [word(0.5, 1.0, " and"), word(1.02, 1.3, " then"), word(1.3, 1.68, " we"), word(1.7, 2.0, " went")]
    full = [turn(0, 3, "S1"), turn(1.0, 1.7, "S2")]
    assert who(spoken, exclusive, full) == ["S1"] * 4
    silent_meanwhile = [turn(0, 1.0, "S1"), turn(1.0, 1.7, "S2"), turn(1.7, 3, "S1")]
    assert who(spoken, exclusive, silent_meanwhile) == ["S1", "S2", "S2", "S1"]
    written = [word(0.5, 1.0, " think."), word(1.02, 1.68, " Mhm."), word(1.7, 2.0, " We")]
    assert who(written, exclusive, full) == ["S1", "S2", "S1"]


def test_a_word_on_a_border_stays_with_its_sentence() -> None:
    exclusive = [turn(0, 1.0, "S1"), turn(1.35, 3, "S2")]
    ending = [word(0.5, 1.0, " very"), word(1.02, 1.4, " fine."), word(1.5, 1.9, " Good"), word(1.9, 2.2, " for")]
    assert who(ending, exclusive) == ["S1", "S1", "S2", "S2"]
    exclusive = [turn(0, 1.05, "S1"), turn(1.5, 3, "S2")]
    beginning = [word(0.5, 0.9, " fine."), word(1.0, 1.5, " Good"), word(1.5, 1.8, " for"), word(1.8, 2.0, " you")]
    assert who(beginning, exclusive) == ["S1", "S2", "S2", "S2"]


def test_where_two_speak_at_once_a_word_is_of_the_sentence_that_it_stands_in() -> None:
    # Windows hear S2 for a while; the transcriber wrote S1's sentence to its end.
    exclusive = [turn(0, 1.5, "S1"), turn(1.5, 3.6, "S2"), turn(3.6, 5, "S1")]
    full = [turn(0, 2.5, "S1"), turn(1.5, 3.6, "S2"), turn(3.6, 5, "S1")]
    spoken = [word(0.2 + n * 0.4, 0.6 + n * 0.4, " so") for n in range(5)]
    assert who([*spoken, word(2.2, 2.5, " there.")], exclusive, full) == ["S1"] * 6
    assert who([*spoken[:3], word(1.4, 1.5, " so."), word(1.8, 2.2, " What?")], exclusive, full)[-1] == "S2"
    # Beyond S1's turn it is not theirs, whatever the sentence.
    assert who([*spoken, word(2.2, 2.5, " so"), word(2.6, 3.0, " on")], exclusive, full)[-1] == "S2"
