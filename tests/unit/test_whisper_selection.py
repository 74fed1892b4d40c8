"""Which hypotheses go on: the likeliest, one of those that end alike, none that is far behind."""

from __future__ import annotations

import numpy as np

from tests.support.small_whisper import OPENAI_SEARCH
from transcriber.engines.whisper.selection import Search, Selected, Written, select

END = 9
COMMA = 8
ROOM = 16
SEARCH = Search(alike=3, shift=2, behind=3.0)

Candidates = list[tuple[int, float]]


def selected(
    said: list[list[int]],
    candidates: list[Candidates],
    search: Search,
    *,
    beams: int = 4,
    best: float = -np.inf,
) -> tuple[list[tuple[int, int, float]], list[tuple[int, int, float]]]:
    """Rows of one window with what each has ``said``, each token at a log-probability of -1, and its next candidates.

    Gives (row, token, total) of what goes on and of what ends.
    """
    count, width = len(said), max(map(len, candidates))
    written = Written(
        np.zeros((count, ROOM), np.int64),
        np.full((count, ROOM), -1, np.float32),
        np.array([len(tokens) for tokens in said]),
        np.zeros(count, np.int64),
    )
    tokens, own = np.zeros((count, width), np.int64), np.full((count, width), -np.inf, np.float32)
    for row in range(count):
        written.tokens[row, : len(said[row])] = said[row]
        for place, (token, logprob) in enumerate(candidates[row]):
            tokens[row, place], own[row, place] = token, logprob
    totals = -written.counts.astype(np.float32)
    going, over = Selected.room(1, beams), Selected.room(1, beams)
    bounds, ended = np.array([[0, count]]), np.array([best], np.float32)
    select(np.arange(count), bounds, tokens, own, totals, written, search, END, ended, going, over)

    def listed(found: Selected) -> list[tuple[int, int, float]]:
        count = int(found.counts[0])
        fields = (field[0, :count].tolist() for field in (found.sources, found.tokens, found.totals))
        return [(row, token, round(total, 3)) for row, token, total in zip(*fields, strict=True)]

    return listed(going), listed(over)


def test_the_likeliest_go_on_and_ends_count_until_there_are_enough() -> None:
    going, over = selected([[1], [2]], [[(7, -1), (9, -4), (5, -6)], [(9, -2), (6, -3)]], OPENAI_SEARCH, beams=2)
    assert going == [(0, 7, -2), (1, 6, -4)]
    assert over == [(1, END, -3)]


def test_of_two_that_end_alike_the_likelier_goes_on_and_makes_room() -> None:
    said = [[1, 3, 4], [2, 3, 4]]
    candidates: list[Candidates] = [[(5, -0.1), (6, -2)], [(5, -0.2), (6, -2.1)]]
    assert selected(said, candidates, SEARCH, beams=2)[0] == [(0, 5, -3.1), (0, 6, -5)]
    assert selected(said, candidates, OPENAI_SEARCH, beams=2)[0] == [
        (0, 5, -3.1),
        (1, 5, -3.2),
    ]


def test_words_are_the_same_after_a_comma_too() -> None:
    # The one with the comma has as many tokens, and so one word less.
    plain, with_comma = [1, 2, 3, 4, 5], [1, COMMA, 2, 3, 4]
    going, _ = selected([plain, with_comma], [[(6, -0.5)], [(5, -0.6)]], SEARCH)
    assert going == [(0, 6, -5.5)]


def test_what_was_likelier_when_the_other_had_come_as_far_goes_on() -> None:
    plain, with_comma = [1, 2, 3, 4, 5], [1, COMMA, 2, 3, 4]
    # The first's words but the last cost 5 of its 5.5; the other's, which are the same, 5.4.
    going, _ = selected([plain, with_comma], [[(6, -0.5)], [(5, -0.4)]], SEARCH)
    assert going == [(0, 6, -5.5)]
    assert selected([plain, with_comma], [[(6, -0.5)], [(5, -0.4)]], OPENAI_SEARCH)[0][0][0] == 1


def test_words_that_differ_are_kept_apart() -> None:
    assert len(selected([[1, 3, 4], [2, 3, 4]], [[(5, -0.1)], [(6, -0.2)]], SEARCH)[0]) == 2
    assert len(selected([[3, 4], [3, 7]], [[(5, -0.1)], [(5, -0.2)]], SEARCH)[0]) == 2
    # Fewer words than are compared: nothing is alike yet.
    assert len(selected([[3], [4]], [[(5, -0.1)], [(5, -0.2)]], SEARCH)[0]) == 2


def test_what_is_far_behind_does_not_go_on() -> None:
    going, _ = selected([[1, 3, 4], [2, 3, 7]], [[(5, -0.1), (6, -3.2)], [(6, -3.0)]], SEARCH)
    assert going == [(0, 5, -3.1), (1, 6, -6)]


def test_nothing_goes_on_when_all_is_far_behind_what_has_ended() -> None:
    assert selected([[1, 3, 4]], [[(5, -1.0), (END, -1.5)]], SEARCH, best=-0.5) == ([], [])
    assert selected([[1, 3, 4]], [[(5, -1.0), (END, -1.5)]], SEARCH, best=-2) == ([(0, 5, -4)], [(0, END, -4.5)])
