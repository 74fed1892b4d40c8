"""The words that a text is found by, the same in the index and in a question, on every database. Pure.

No language is assumed: letters are folded (case, accents, width, vowel points), nothing is stemmed and no word is left
out. Scripts that put no spaces between words, and Korean, whose particles cling to them, are indexed by pairs of
characters, so that any two or more of them in a row are found wherever a word is thought to begin.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import Literal, NamedTuple

import regex  # type: ignore[import-untyped]

WORD_CHARS = 64
"""A longer word is found by its beginning."""

_UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}"
    r"\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc\uff70"
)
_LETTER = r"\p{L}\p{N}\p{M}"
# Voicing marks of half-width kana are letters by category.
_CLUSTER = rf"[[{_LETTER}]&&[{_UNSPACED}]][\p{{M}}\uff9e\uff9f]*"
_RUNS = regex.compile(rf"(?V1)(?P<pairs>(?:{_CLUSTER})+)|[[{_LETTER}]--[{_UNSPACED}]]+")
_CLUSTERS = regex.compile(rf"(?V1){_CLUSTER}")
_ASCII = re.compile(r"[0-9A-Za-z]+")
_WORDS = regex.compile(rf"[{_LETTER}]+")
# Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic, the Arabic stretch. Marks of other scripts are
# vowels: without them there would be other words.
_MARKS = regex.compile(r"[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]+")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d"})

Kind = Literal["word", "pair", "last"]


class Word(NamedTuple):
    """``text`` is folded; it stands at ``[start, end)`` of the original.

    ``kind``: ``pair`` of characters, each of which begins another, or the ``last`` character of such a run alone.
    """

    text: str
    start: int
    end: int
    kind: Kind = "word"


def words(text: str) -> list[Word]:
    """In order; one after the other they are what a phrase is."""
    if text.isascii():
        return [Word(one[0].lower()[:WORD_CHARS], one.start(), one.end()) for one in _ASCII.finditer(text)]
    found: list[Word] = []
    for run in _RUNS.finditer(text):
        if run["pairs"] is None:
            folded = _WORDS.findall(fold(run[0]))
            found += [Word(part[:WORD_CHARS], run.start(), run.end()) for part in folded]
        else:
            found += _pairs(text, run.start(), run.end())
    return found


def fold(text: str) -> str:
    """Without case, accents and differences of form: Straße as strasse, naïve as naive, ｶﾞ as ガ."""
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", bare.translate(_LETTERS))


def _pairs(text: str, start: int, end: int) -> list[Word]:
    clusters = [(fold(one[0]), one.start(), one.end()) for one in _CLUSTERS.finditer(text, start, end)]
    kept = [(_bare(folded), begin, stop) for folded, begin, stop in clusters if _bare(folded)]
    if not kept:
        return []
    pairs = [Word(one + other, begin, stop, "pair") for (one, begin, _), (other, _, stop) in itertools.pairwise(kept)]
    last, begin, stop = kept[-1]
    return [*pairs, Word(last, begin, stop, "last")]


def _bare(folded: str) -> str:
    """Only what databases take for letters."""
    return "".join(_WORDS.findall(folded))[:WORD_CHARS]
