"""What looks made up is flagged with its reason; what only looks a little like it stays."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from polyvox.contracts.reasons import REASONS, Reason
from transcriber import trust
from transcriber.trust import Evidence, judge
from transcriber.words import Placed

SPEECH = ((0.0, 10.0),)
SURE = Evidence(-0.2, 0.05, False, SPEECH)
UNHEARD = Evidence(-0.5, 0.55, False, SPEECH)


def said(text: str, *, start_s: float = 0.0, word_s: float = 0.3, probability: float = 0.9) -> list[Placed]:
    words = text.split()
    return [
        Placed(f" {word}", start_s + index * word_s, start_s + (index + 1) * word_s, probability, 0)
        for index, word in enumerate(words)
    ]


def reasons(words: list[Placed], evidence: Evidence) -> set[str | None]:
    return set(judge(words, evidence))


def test_every_reason_has_a_meaning() -> None:
    assert set(REASONS) == set(get_args(Reason))


def test_ordinary_words_are_trusted() -> None:
    assert reasons(said("I have not seen him since this morning."), SURE) == {None}
    assert judge([], SURE) == []


@pytest.mark.parametrize("text", ["Thank you.", "Thanks for watching!", "you", "Bye. Bye-bye.", "Vielen Dank."])
def test_a_stock_phrase_alone_is_no_reason(text: str) -> None:
    assert reasons(said(text), SURE) == {None}
    assert reasons(said(text), UNHEARD) == {"stock"}
    assert reasons(said(text, probability=0.3), SURE) == {"stock"}


@pytest.mark.parametrize(
    "text",
    [
        "Untertitel der Amara.org-Community",
        "Sous-titrage Société Radio-Canada",
        "Субтитры сделал DimaTorzok",
        "ご視聴ありがとうございました",
        "字幕志愿者 李宗盛",
    ],
)
def test_stock_phrases_are_known_in_many_languages(text: str) -> None:
    assert trust.is_stock(trust.phrase(said(text)))


@pytest.mark.parametrize("text", ["Thank you for the report.", "You said so.", "So what?", "Ok", ""])
def test_a_sentence_that_begins_like_one_is_none(text: str) -> None:
    assert not trust.is_stock(trust.phrase(said(text)))


def test_a_stock_phrase_after_the_speech_is_left_out_and_the_speech_stays() -> None:
    words = said("and that was all I wanted to say about it") + [
        Placed(w.text, w.start_s, w.end_s, w.probability, 1) for w in said("Thank you.", start_s=12.0)
    ]
    assert judge(words, SURE) == [None] * 10 + ["stock"] * 2


def test_neither_words_nor_speech_believed_is_silence() -> None:
    assert reasons(said("Well, well."), Evidence(-1.2, 0.8, False, SPEECH)) == {"silence"}


def test_doubt_needs_another_sign() -> None:
    words = said("the vessel of the lantern")
    assert reasons(words, Evidence(-1.2, 0.05, False, SPEECH)) == {None}
    assert reasons(words, Evidence(-1.2, 0.55, False, SPEECH)) == {"doubt"}


def test_nobody_says_so_much_in_a_blink() -> None:
    blink = Evidence(-0.2, 0.05, False, ((3.0, 3.2),))
    text = "I am going to show you how to make a very nice and simple dress for your doll today"
    assert reasons(said(text, start_s=2.8, word_s=0.03), blink) == {"rush"}
    assert reasons(said("Yes, I do.", start_s=2.8), blink) == {None}


@pytest.mark.parametrize("times", [6, 9])
def test_of_a_loop_the_first_time_stays(times: int) -> None:
    evidence = Evidence(-0.1, 0.0, True, SPEECH)
    words = said("We went home. " + "He did not know. " * times + "Then", word_s=0.1)
    assert judge(words, evidence) == [None] * 7 + ["loop"] * 4 * (times - 1) + [None]


def test_somebody_may_say_a_thing_again() -> None:
    evidence = Evidence(-0.1, 0.0, True, SPEECH)
    assert reasons(said("no no no no that is not it"), evidence) == {None}
    assert reasons(said("row row row your boat gently down the stream " * 2), evidence) == {None}
    assert reasons(said("no " * 9), SURE) == {None}


def test_a_loop_known_from_before_goes_as_a_whole() -> None:
    evidence = Evidence(-0.1, 0.0, True, SPEECH)
    words = said("did not know. He " * 5, word_s=0.1)
    assert judge(words, evidence, {("he", "did", "not", "know")}) == ["loop"] * 20


def test_the_same_in_several_windows_is_an_echo_where_there_is_a_sign_against_each() -> None:
    window = said("See you there."), UNHEARD
    assert trust.echoes([window, window]) == set()
    assert trust.echoes([window, (said("Hello."), UNHEARD), window, window]) == {0, 2, 3}
    assert trust.echoes([(said("See you there."), SURE)] * 5) == set()


def test_an_announcement_that_is_heard_again_and_again_is_no_echo_however_long_its_pauses() -> None:
    words = said("Your call is important to us.") + said("Please stay on the line.", start_s=20.0)
    heard = Evidence(-0.2, 0.05, False, ((0.0, 2.0), (20.0, 22.0)))
    assert trust.echoes([(words, heard)] * 5) == set()
    elsewhere = Evidence(-0.2, 0.05, False, ((8.0, 12.0),))
    assert trust.echoes([(words, elsewhere)] * 3) == {0, 1, 2}


def test_every_reason_is_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/trust.md").read_text()
    assert [reason for reason, meaning in REASONS.items() if f"| `{reason}` | {meaning} |" not in page] == []
