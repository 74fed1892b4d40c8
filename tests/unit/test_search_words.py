"""What a search is asked and what it shows: words in any script, phrases, beginnings, and where they stand."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox.errors import Invalid
from results_api.search.asked import Term, fts5, tags, terms, tsquery, tsvector
from results_api.search.snippets import SNIPPET_CHARS, html, matches, snippet
from results_api.search.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Straße, NAÏVE!", ["strasse", "naive"]),
        ("Don't pay 3.14", ["don", "t", "pay", "3", "14"]),
        ("Łódź Ørsted", ["lodz", "orsted"]),
        ("東京都", ["東京", "京都", "都"]),
        ("ｶﾞｷﾞ", ["ガギ", "ギ"]),
        ("iPhoneを買う", ["iphone", "を買", "買う", "う"]),
        ("회의에서", ["회의", "의에", "에서", "서"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("مُحَمَّد", ["محمد"]),
        ("\0 \u0301 ', \" * :", []),
    ],
)
def test_words_are_folded_in_every_script(text: str, found: list[str]) -> None:
    assert [word.text for word in words(text)] == found


@pytest.mark.parametrize(
    ("q", "asked"),
    [
        ("big Deal", [Term(("big",)), Term(("deal",))]),
        ('"big deal" pre*', [Term(("big", "deal")), Term(("pre",), prefix=True)]),
        ('"big dea"*', [Term(("big", "dea"), prefix=True)]),
        ("“not closed", [Term(("not", "closed"))]),
        ("don't", [Term(("don", "t"))]),
        ("京都", [Term(("京都",))]),
        ("京", [Term(("京",), prefix=True)]),
        ("same SAME", [Term(("same",))]),
    ],
)
def test_a_question_has_words_phrases_and_beginnings(q: str, asked: list[Term]) -> None:
    assert terms(q) == asked


@pytest.mark.parametrize("q", ["", '"*" - :', "\0 \u0301"])
def test_a_question_without_a_word_is_refused(q: str) -> None:
    with pytest.raises(Invalid) as refused:
        terms(q)
    assert refused.value.code == "no-words"


def test_a_word_that_is_asked_twice_counts_once() -> None:
    assert terms("a b " * 40) == [Term(("a",)), Term(("b",))]


@pytest.mark.parametrize(
    ("q", "code"), [(" ".join(f"word{n}" for n in range(33)), "too-many-words"), ("some a*", "too-short")]
)
def test_what_would_take_too_long_is_refused(q: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        terms(q)
    assert refused.value.code == code


@given(st.text())
def test_nothing_but_letters_reaches_a_database(q: str) -> None:
    said = [word.text for word in words(q)]
    assert not any(re.search(r"""[\s\0A-Z'"\\*:()&|!<>=-]""", text) for text in said)
    assert all(said)
    wanted = tags(tenant=q, language=q, speakers=[q], metadata={q: q})
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in wanted)
    try:
        asked = terms(q)
    except Invalid:
        return
    for made in (fts5(asked, wanted), tsquery(asked, wanted), tsvector(said, wanted)):
        assert made.count('"') % 2 == 0
        assert made.count("'") % 2 == 0


@given(st.text(), st.text(), st.text())
def test_whatever_is_said_is_found_by_what_was_said(before: str, said: str, after: str) -> None:
    text = f"{before} {said} {after}"
    try:
        asked = terms('"' + re.sub(r'["“”„‟*]', " ", said) + '"')
    except Invalid:
        return
    found = matches(text, asked)
    assert found
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(found))


def test_matches_are_marked_and_the_rest_is_escaped() -> None:
    text = "<b>Profit & loss</b>: profits rise, Profit falls"
    assert html(text, matches(text, terms("profit"))) == (
        "&lt;b&gt;<mark>Profit</mark> &amp; loss&lt;/b&gt;: profits rise, <mark>Profit</mark> falls"
    )
    assert html(text, matches(text, terms('"profit loss" rise*'))) == (
        "&lt;b&gt;<mark>Profit &amp; loss</mark>&lt;/b&gt;: profits <mark>rise</mark>, Profit falls"
    )


def test_of_a_long_text_the_piece_around_the_first_match_is_shown() -> None:
    text = "word " * 100 + "needle " + "word " * 100
    shown, found = snippet(text, terms("needle"))
    assert len(shown) <= SNIPPET_CHARS + 2
    assert shown[0] == shown[-1] == "…"
    assert [shown[start:end] for start, end in found] == ["needle"]
    assert snippet("東" * 600 + "京" + "東" * 600, terms("京"))[0].count("京") == 1
