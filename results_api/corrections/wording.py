"""Text as people write it, cut into words as engines give them, and compared with those. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from polyvox.contracts import TranscriptWord
from results_api.merge.writing import continues, is_unspaced
from results_api.search.words import fold


class Token(NamedTuple):
    """What is compared: a word, or a character of a script without spaces. ``word`` numbers the word that it is of."""

    key: str
    start_s: float
    end_s: float
    word: int


class Match(NamedTuple):
    """``size`` tokens from number ``left`` of one list on are those from ``right`` of the other."""

    left: int
    right: int
    size: int


def normalised(text: str) -> str:
    """One space where any number of spaces, tabs and line ends are."""
    return " ".join(text.split())


def cut(text: str) -> list[str]:
    """The words of a text, each with the space before it; joined they are the text, with a space before its first.

    Scripts that put no spaces between words are cut into characters, closing marks with those before.
    """
    found: list[str] = []
    for spaced in text.split():
        start = len(found)
        for character in spaced:
            joins = continues(character) or unicodedata.category(character).startswith("M")
            parts = is_unspaced(character) or (found and is_unspaced(found[-1][-1]))
            if len(found) == start or (parts and not joins):
                found.append(character)
            else:
                found[-1] += character
        if start or not is_unspaced(spaced[0]):
            found[start] = f" {found[start]}"
    return found


def key(word: str) -> str:
    """The same for words that differ in case, accents and punctuation alone."""
    bare = "".join(character for character in fold(word) if character.isalnum())
    return bare or word.strip()


def keys(text: str) -> list[str]:
    """Of the words of a text."""
    return [key(word) for word in cut(text)]


def tokens(words: Sequence[TranscriptWord]) -> list[Token]:
    """In order; the time of a word is divided among its characters where these are compared."""
    found: list[Token] = []
    for number, word in enumerate(words):
        parts = cut(word.word) or [word.word]
        step_s = (word.end - word.start) / len(parts)
        for index, part in enumerate(parts):
            start_s = word.start + index * step_s
            end_s = word.end if index + 1 == len(parts) else start_s + step_s
            found.append(Token(key(part), start_s, end_s, number))
    return found


def matches(left: Sequence[str], right: Sequence[str]) -> list[Match]:
    """What two texts have in common, in order (Ratcliff and Obershelp, by difflib)."""
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return [Match(*block) for block in blocks if block.size]
