"""What was written for the windows of a recording, put together: trusted words, and those left out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from polyvox.contracts.reasons import Reason
from transcriber import trust
from transcriber.engines.base import EngineWord, Suspect
from transcriber.words import Placed


@dataclass(frozen=True, slots=True)
class Taken:
    """Words of one window, in ``language``, and for each why it looks made up, if it does."""

    words: list[Placed]
    reasons: list[Reason | None]
    evidence: trust.Evidence
    language: str

    def trusted(self) -> list[Placed]:
        return [word for word, reason in zip(self.words, self.reasons, strict=True) if reason is None]


def with_echoes(taken: Sequence[Taken]) -> list[Taken]:
    """As ``taken``, where what several windows say alike is no longer trusted."""
    echoes = trust.echoes([(one.words, one.evidence) for one in taken])
    return [
        replace(one, reasons=[reason or "echo" for reason in one.reasons]) if index in echoes else one
        for index, one in enumerate(taken)
    ]


def without_replaced(taken: Sequence[Taken]) -> list[Taken]:
    """As ``taken``, without words that are not trusted where listening again brought some that are."""
    judged = with_echoes(taken)
    trusted = sorted((word.start_s, word.end_s) for one in judged for word in one.trusted())
    kept = []
    for one in judged:
        pairs = [
            (word, reason)
            for word, reason in zip(one.words, one.reasons, strict=True)
            if reason is None or not _meets(word, trusted)
        ]
        kept.append(replace(one, words=[word for word, _ in pairs], reasons=[reason for _, reason in pairs]))
    return kept


def numbered(taken: Sequence[Taken], language: str | None) -> tuple[list[EngineWord], dict[int, int]]:
    """Trusted words in order, times to the millisecond, segments counted from 0 without gaps; and their numbers.

    ``language``: the recording's, which words in it need not say.
    """
    words = sorted(((word, one.language) for one in taken for word in one.trusted()), key=lambda pair: pair[0].start_s)
    numbers: dict[int, int] = {}
    for word, _ in words:
        numbers.setdefault(word.segment, len(numbers))
    return [_engine_word(word, numbers, spoken, language) for word, spoken in words], numbers


def suspects(taken: Sequence[Taken], numbers: Mapping[int, int], language: str | None) -> list[Suspect]:
    """What is not trusted, in order: neighbours of one window with one reason are one. Numbers go on."""
    all_numbers = dict(numbers)
    found = []
    for one in taken:
        pairs = zip(one.words, one.reasons, strict=True)
        for reason, group in groupby(pairs, key=lambda pair: pair[1]):
            words = [word for word, _ in group]
            if reason is not None:
                for word in words:
                    all_numbers.setdefault(word.segment, len(all_numbers))
                text = "".join(word.text for word in words).strip()
                own = [_engine_word(word, all_numbers, one.language, language) for word in words]
                found.append(Suspect(own[0].start_s, own[-1].end_s, text, reason, own))
    return sorted(found, key=lambda suspect: suspect.start_s)


def _engine_word(word: Placed, numbers: Mapping[int, int], spoken: str, language: str | None) -> EngineWord:
    times = round(word.start_s, 3), round(word.end_s, 3)
    return EngineWord(
        *times, word.text, word.probability, numbers[word.segment], None if spoken == language else spoken
    )


def _meets(word: Placed, times: Sequence[tuple[float, float]]) -> bool:
    """Whether a trusted word is said while this one is."""
    return any(start_s < word.end_s and word.start_s < end_s for start_s, end_s in times)
