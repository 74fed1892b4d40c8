"""What the letters of a word tell: where it joins its neighbours and where sentences end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Chinese, Japanese and their punctuation: written without spaces."""

_CLOSING = "\"'”’»›)]}」』）】》〉"
_ALWAYS_END = ("?", "!", "。", "！", "？", "｡", "．", "؟", "۔", "।", "॥", "։", "\u1362", "\u104b", "\u17d4")
_CLAUSE_END = (",", ";", ":", "，", "、", "；", "：", "،", "؛", "–", "—")
_ABBREVIATIONS = frozenset(
    [
        *("mr", "mrs", "ms", "dr", "prof", "st", "vs", "approx", "lt", "sgt", "capt"),
        *("hr", "nr", "bzw", "sog", "mme", "mlle", "sra", "srta", "dott", "ing"),
    ]
)
"""Those that a name or number often follows and that seldom end a sentence. All others need no
entry: a lowercase letter after the full stop tells enough."""

_ORDINAL_LANGUAGES = frozenset(
    [
        *("bs", "cs", "da", "de", "et", "fi", "fo", "hr", "hu", "is", "lb"),
        *("lv", "nb", "nn", "no", "pl", "sk", "sl", "sr", "tr"),
    ]
)
"""Languages that write 3rd as ``3.``."""


def is_unspaced(character: str) -> bool:
    """Whether a character belongs to a script that puts no spaces between words."""
    return bool(_UNSPACED.match(character))


def join_texts(texts: Iterable[str]) -> str:
    """Sentences one after the other, with a space between them where their script has any."""
    joined: list[str] = []
    last = ""
    for text in filter(None, texts):
        if last and not is_unspaced(last) and not is_unspaced(text[0]):
            joined.append(" ")
        joined.append(text)
        last = text[-1]
    return "".join(joined)


def continues(text: str) -> bool:
    """Whether a word is the rest of the one before it, as in `` twenty`` ``-five`` or `` 3`` ``.5``.

    Whisper starts a new word at punctuation even where no space stands before it.
    """
    first = text[:1]
    return bool(first) and unicodedata.category(first) in ("Po", "Pd", "Pc", "Pe", "Pf") and first not in "¿¡"


def ends_clause(text: str) -> bool:
    """Whether a good place to break a line or an overlong segment follows."""
    return text.rstrip().rstrip(_CLOSING).endswith(_CLAUSE_END) or ends_sentence(text, None)


def ends_sentence(text: str, following: str | None, language: str | None = None) -> bool:
    """Whether a sentence ends with the word ``text``. ``following`` is the next word, None at the end.

    A full stop or ellipsis does not end it before a lowercase letter or inside a number, nor
    after an initial, a dotted or well-known abbreviation, or an ordinal. When in doubt it does.
    """
    bare = text.strip().rstrip(_CLOSING)
    if bare.endswith(_ALWAYS_END):
        return True
    if not bare.endswith((".", "…")):
        return False
    if following and (continues(following) or following.lstrip()[:1].islower()):
        return False
    return bare.endswith(("…", "..")) or not _is_abbreviation(bare[:-1].lstrip("(\"'“‘«[¿¡"), language)


def _is_abbreviation(stem: str, language: str | None) -> bool:
    if stem.isdigit():
        return len(stem) <= 2 and language in _ORDINAL_LANGUAGES
    # "Neither did I." is far more common than somebody called I.
    initial = len(stem) == 1 and stem.isupper() and stem != "I"
    dotted = re.fullmatch(r"\w(\.\w)+", stem) is not None
    return initial or dotted or stem.lower() in _ABBREVIATIONS
