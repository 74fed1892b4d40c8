"""Text into words as Whisper writes them: each with the space before it. Pure."""

from __future__ import annotations

import re
import unicodedata
import zlib

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Letters of Thai, Lao, Burmese, Khmer, Chinese and Japanese: written without spaces, each a word here."""


def split_words(text: str) -> list[str]:
    """Words in order; joined they are ``text`` again, but for what spaces stand between them."""
    words: list[str] = []
    gap, before = True, ""
    for character in text:
        if character.isspace():
            gap = True
            continue
        if gap or _begins(before, character):
            spaced = gap and not (not words and _UNSPACED.match(character))
            words.append(" " * spaced + character)
        else:
            words[-1] += character
        gap, before = False, character
    return words


def letters(word: str) -> str:
    """What two spellings of a word have in common."""
    return "".join(character for character in word.casefold() if character.isalnum())


def compression(text: str) -> float:
    """How much a text repeats itself, as Whisper measures it."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def _begins(before: str, character: str) -> bool:
    """Whether a word begins at ``character`` although no space stands before it."""
    if unicodedata.category(character)[0] in "MP":
        return False
    # A full stop as wide as a letter ends a word, too.
    unspaced = bool(_UNSPACED.match(before)) or unicodedata.east_asian_width(before or " ") in ("W", "F")
    return bool(_UNSPACED.match(character)) or (unspaced and character.isalnum())
