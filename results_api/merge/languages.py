"""Which language a recording is in, from what its parts tell."""

from __future__ import annotations

from collections.abc import Iterable

from polyvox.contracts import LanguageGuess, PartWords

TOP = 5


def guesses(parts: Iterable[PartWords]) -> list[LanguageGuess]:
    """The five most probable languages over all parts, weighted by seconds of words.

    A part without words counts by what its voice activity detector heard. Parts whose
    language was given, not guessed, count with probability 1.
    """
    mass_s: dict[str, float] = {}
    whole_s = 0.0
    for part in parts:
        told = {guess.language: guess.probability for guess in part.languages}
        if not told and part.language:
            told = {part.language: 1.0}
        weight_s = _weight_s(part)
        whole_s += weight_s if told else 0.0
        for language, probability in told.items():
            mass_s[language] = mass_s.get(language, 0.0) + probability * weight_s
    ranked = sorted(mass_s.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    return [
        LanguageGuess(language=language, probability=round(min(mass / whole_s, 1.0), 4))
        for language, mass in ranked
        if mass > 0
    ]


def dominant(parts: Iterable[PartWords], fallback: str | None = None) -> str | None:
    """The language of most of the speech; ``fallback`` where no part tells one.

    A recording in several languages keeps its dominant one: each segment says its own.
    """
    spoken_s: dict[str, float] = {}
    for part in parts:
        for language, length_s in _lengths(part):
            if language and length_s > 0:
                spoken_s[language] = spoken_s.get(language, 0.0) + length_s
    return min(spoken_s, key=lambda language: (-spoken_s[language], language), default=fallback)


def _weight_s(part: PartWords) -> float:
    return sum(length_s for _, length_s in _lengths(part))


def _lengths(part: PartWords) -> list[tuple[str | None, float]]:
    """Languages with seconds of words, else of speech; words without length still weigh a little."""
    words = [(word.language or part.language, max(word.end_s - word.start_s, 0.001)) for word in part.words]
    return words or [(part.language, max(region.end_s - region.start_s, 0.0)) for region in part.speech]
