"""What somebody searches for: words, "phrases" and beginnings*, as each database wants to be asked. Pure.

Nothing of what was typed reaches a database but folded letters and digits, each word in quotes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyvox.errors import Invalid
from results_api.search.words import Word, fold, words

TERMS_MAX = 32
BEGINNING_CHARS = 2
"""One letter of an alphabet begins so many words that all of them would have to be gone through."""
_QUOTES = str.maketrans(dict.fromkeys("“”„‟", '"'))
_PARTS = re.compile(r'"(?P<phrase>[^"]*)(?:"|$)|(?P<plain>[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one after the other; of the last of them only the beginning is asked for with ``prefix``."""

    words: tuple[str, ...]
    prefix: bool = False

    def at(self, said: Sequence[Word], place: int) -> bool:
        """Whether this is what is said from number ``place`` on."""
        found = [word.text for word in said[place : place + len(self.words)]]
        if len(found) < len(self.words):
            return False
        last = found[-1].startswith(self.words[-1]) if self.prefix else found[-1] == self.words[-1]
        return last and tuple(found[:-1]) == self.words[:-1]


def terms(q: str) -> list[Term]:
    """All of them must be in one segment.

    Raises:
        Invalid: there is no word in ``q``, or too many, or hardly a beginning of one.
    """
    found: list[Term] = []
    plain = q.translate(_QUOTES)
    for part in _PARTS.finditer(plain):
        text = part["phrase"] if part["plain"] is None else part["plain"]
        star = text.endswith("*") or plain[part.end() : part.end() + 1] == "*"
        term = _term(words(text), prefix=star)
        if term is not None and term not in found:
            found.append(term)
    if any(term.prefix and len(term.words[-1]) < BEGINNING_CHARS and term.words[-1].isascii() for term in found):
        raise Invalid(f"A beginning* needs {BEGINNING_CHARS} letters at least.", code="too-short")
    if not found:
        raise Invalid("There is no word to search for: give q letters or digits.", code="no-words")
    if sum(len(term.words) for term in found) > TERMS_MAX:
        raise Invalid(f"These are too many words: at most {TERMS_MAX} can be searched for.", code="too-many-words")
    return found


def tag(kind: str, *values: str) -> str:
    """What a filter's value is found by: any text becomes sixteen hexadecimal digits."""
    return hashlib.sha256(json.dumps([kind, *values]).encode()).hexdigest()[:16]


def tags(
    *,
    tenant: str | None = None,
    language: str | None = None,
    speakers: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
) -> list[str]:
    """Of a segment, or of a question; ``speakers`` are the id and the name of one."""
    found = [tag("tenant", tenant)] if tenant is not None else []
    found += [tag("language", language.lower())] if language else []
    found += [tag("speaker", " ".join(fold(speaker).split())) for speaker in speakers]
    found += [tag("metadata", key, value) for key, value in (metadata or {}).items()]
    return list(dict.fromkeys(found))


def fts5(asked: Sequence[Term], wanted: Sequence[str]) -> str:
    """For MATCH on SQLite; ``wanted`` are tags."""
    said = " AND ".join(f'"{" ".join(term.words)}"{" *" if term.prefix else ""}' for term in asked)
    marked = " AND ".join(f'"{one}"' for one in wanted)
    return f"words : ({said})" + (f" AND tags : ({marked})" if marked else "")


def tsquery(asked: Sequence[Term], wanted: Sequence[str]) -> str:
    """For PostgreSQL; ``wanted`` are tags."""
    said = [" <-> ".join([*(f"'{word}'" for word in term.words)]) + (":*" if term.prefix else "") for term in asked]
    return " & ".join([*(f"({phrase})" for phrase in said), *(f"'={one}'" for one in wanted)])


def tsvector(said: Sequence[str], marked: Sequence[str]) -> str:
    """A segment's words with their places, and its tags, which no word can be taken for."""
    return " ".join([*(f"'{word}':{place}" for place, word in enumerate(said, 1)), *(f"'={one}'" for one in marked)])


def _term(said: Sequence[Word], *, prefix: bool) -> Term | None:
    if not said:
        return None
    last = said[-1]
    if last.kind == "last":
        # What follows it in a recording is not known: the pairs before say it all, and alone it begins a pair.
        if len(said) > 1 and said[-2].kind == "pair":
            return Term(tuple(word.text for word in said[:-1]))
        prefix = True
    return Term(tuple(word.text for word in said), prefix)
