"""From an answer about a slice to words in the part's time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transcriber.engines.openai.answers import Answer, SaidSegment, TokenChance, chance
from transcriber.engines.openai.matching import matched
from transcriber.engines.openai.spreading import inside, spread
from transcriber.engines.openai.texts import split_words
from transcriber.windows import Window
from transcriber.words import Aligned, Placed, merge_punctuation, place

UNKNOWN_PROBABILITY = 1.0
"""Of words whose endpoint does not tell how sure it is."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Words of one slice; a word's ``segment`` is one of ``segments``, where the answer had any.

    ``estimated``: times were worked out, not measured.
    """

    words: list[Placed]
    segments: Sequence[SaidSegment] = ()
    estimated: bool = False


def placed(answer: Answer, window: Window, *, by_pauses: bool) -> Heard | None:
    """Words of a slice; None: there is text, but no times to place it by.

    Args:
        by_pauses: the slice was cut so short that times may be worked out for its text.
    """
    if not split_words(answer.text):
        return Heard([])
    if answer.words:
        return _by_words(answer, window)
    if answer.segments:
        return _by_segments(answer.segments, window)
    return _by_length(answer, window) if by_pauses else None


def _by_words(answer: Answer, window: Window) -> Heard:
    segments = answer.segments or [SaidSegment(text=answer.text, start=0.0, end=window.duration_s)]
    texts = [split_words(segment.text) for segment in segments]
    words = [word for text in texts for word in text]
    probabilities = [_probability(one) for one, text in zip(segments, texts, strict=True) for _ in text]
    times = matched(words, answer.words or [])
    last_s = window.duration_s
    aligned = [
        Aligned(word, min(start_s, last_s), min(end_s, last_s), probability, 1)
        for word, (start_s, end_s), probability in zip(words, times, probabilities, strict=True)
    ]
    return Heard(place(aligned, [len(text) for text in texts], window), segments)


def _by_segments(segments: Sequence[SaidSegment], window: Window) -> Heard:
    found: list[Placed] = []
    for number, segment in enumerate(segments):
        low_s = max(window.to_original_s(segment.start), found[-1].end_s if found else window.start_s)
        high_s = max(window.to_original_s(max(segment.end, segment.start)), low_s)
        words = split_words(segment.text)
        times = spread(words, inside(window.speech, low_s, high_s) or [(low_s, high_s)])
        probability = _probability(segment)
        found += [
            Placed(word, start_s, end_s, probability, number)
            for word, (start_s, end_s) in zip(words, times, strict=True)
        ]
    return Heard(merge_punctuation(found), segments, estimated=True)


def _by_length(answer: Answer, window: Window) -> Heard:
    words = split_words(answer.text)
    times = spread(words, window.speech)
    chances = _chances(words, answer.logprobs or [])
    found = [
        Placed(word, start_s, end_s, probability, 0)
        for word, (start_s, end_s), probability in zip(words, times, chances, strict=True)
    ]
    return Heard(merge_punctuation(found), estimated=True)


def _chances(words: Sequence[str], told: Sequence[TokenChance]) -> list[float]:
    """Probability of each word: the mean of its tokens', by the letters that they share."""
    each: list[float] = []
    for one in told:
        probability = chance(one.logprob)
        known = UNKNOWN_PROBABILITY if probability is None else probability
        each += [known] * sum(not character.isspace() for character in one.token)
    sizes = [sum(not character.isspace() for character in word) for word in words]
    if sum(sizes) != len(each):
        # Tokens that are parts of letters cannot be told apart: all words are as likely as their mean.
        mean = sum(each) / len(each) if each else UNKNOWN_PROBABILITY
        return [mean] * len(words)
    found, at = [], 0
    for size in sizes:
        found.append(sum(each[at : at + size]) / size)
        at += size
    return found


def _probability(segment: SaidSegment) -> float:
    known = chance(segment.avg_logprob)
    return UNKNOWN_PROBABILITY if known is None else known
