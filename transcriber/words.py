"""From what a model aligned inside a window to words in the recording's time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from transcriber.speech import Region
from transcriber.windows import Window

OPENING = "\"'“¿([{-"
CLOSING = "\"'.。,，!！?？:：”)]}、"
SENTENCE_ENDS = (".", "。", "!", "！", "?", "？")
MEDIAN_MAX_S = 0.7


@dataclass(frozen=True, slots=True)
class Aligned:
    """A word with its times inside the window; ``tokens`` is how many tokens it is made of."""

    text: str
    start_s: float
    end_s: float
    probability: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A word with its times in the recording; ``segment`` counts within the window."""

    text: str
    start_s: float
    end_s: float
    probability: float
    segment: int


def place(aligned: Sequence[Aligned], segment_tokens: Sequence[int], window: Window) -> list[Placed]:
    """Words in the recording's time: monotone, each inside one piece of the window.

    Args:
        segment_tokens: how many tokens each segment of the model's answer has, in order.
    """
    merged = merge_punctuation(_with_segments(aligned, segment_tokens))
    longest_s = 2 * min(MEDIAN_MAX_S, median([w.end_s - w.start_s for w in merged if w.end_s > w.start_s] or [0.0]))
    placed: list[Placed] = []
    for index, word in enumerate(merged):
        start_s, end_s = _mapped(word, window)
        if longest_s and end_s - start_s > longest_s:
            after_stop = index == 0 or merged[index - 1].text.rstrip().endswith(SENTENCE_ENDS)
            start_s, end_s = shorten(start_s, end_s, window.speech, longest_s, from_start=after_stop)
        start_s = max(start_s, placed[-1].end_s if placed else window.start_s)
        placed.append(replace(word, start_s=start_s, end_s=max(start_s, end_s)))
    return placed


def shorten(
    start_s: float, end_s: float, speech: Sequence[Region], longest_s: float, *, from_start: bool
) -> tuple[float, float]:
    """Take out of an overlong word first the silence at its edges, then what is still too long.

    Alignment gives pauses to the word before or after them: ``from_start`` says that the
    pause is likelier at the word's start, as after the end of a sentence.
    """
    heard = [(max(start_s, low), min(end_s, high)) for low, high in speech if low < end_s and high > start_s]
    if heard:
        start_s, end_s = heard[0][0], heard[-1][1]
        if len(heard) > 1 and end_s - start_s > longest_s:
            low, high = heard[-1] if from_start else heard[0]
            start_s, end_s = (low, high) if high - low >= longest_s / 4 else (start_s, end_s)
    if end_s - start_s > longest_s:
        return (end_s - longest_s, end_s) if from_start else (start_s, start_s + longest_s)
    return start_s, end_s


def sentences(aligned: Sequence[Aligned]) -> list[int]:
    """How many tokens each sentence has: the segments of an answer without timestamps."""
    counts, ended = [0], False
    for word in aligned:
        if ended and word.text.strip().strip(CLOSING):
            counts.append(0)
            ended = False
        counts[-1] += word.tokens
        ended |= word.text.rstrip("\"'”)]} ").endswith(SENTENCE_ENDS)
    return [count for count in counts if count]


def merge_punctuation(words: Sequence[Placed]) -> list[Placed]:
    """Join marks that stand alone with the word they belong to."""
    joined: list[Placed] = []
    for word in words:
        mark = word.text.strip()
        if joined and mark and mark in CLOSING and not word.text.startswith(" "):
            joined[-1] = replace(joined[-1], text=joined[-1].text + word.text, end_s=word.end_s)
        elif joined and joined[-1].text.startswith(" ") and joined[-1].text.strip() in OPENING:
            opening = joined.pop()
            joined.append(replace(word, text=opening.text + word.text, start_s=opening.start_s))
        elif mark:
            joined.append(word)
    return joined


def _with_segments(aligned: Sequence[Aligned], segment_tokens: Sequence[int]) -> list[Placed]:
    ends: list[int] = []
    for count in segment_tokens:
        ends.append(count + (ends[-1] if ends else 0))
    words = []
    seen = 0
    segment = 0
    for word in aligned:
        while segment + 1 < len(ends) and seen >= ends[segment]:
            segment += 1
        words.append(Placed(word.text, word.start_s, word.end_s, min(max(word.probability, 0.0), 1.0), segment))
        seen += word.tokens
    return words


def _mapped(word: Placed, window: Window) -> Region:
    (low_s, high_s), begins_s = max(
        (window.piece_at(at_s) for at_s in (word.start_s, (word.start_s + word.end_s) / 2, word.end_s)),
        key=lambda found: _spoken_s(word, window, *found),
    )
    start_s = low_s + word.start_s - begins_s
    end_s = low_s + word.end_s - begins_s
    return min(max(start_s, low_s), high_s), min(max(end_s, low_s), high_s)


def _spoken_s(word: Placed, window: Window, piece: Region, begins_s: float) -> float:
    """How much speech the word would cover in this piece: one across a cut belongs where the voice is."""
    low_s = max(piece[0], piece[0] + word.start_s - begins_s)
    high_s = min(piece[1], piece[0] + word.end_s - begins_s)
    return sum(max(0.0, min(high_s, end_s) - max(low_s, start_s)) for start_s, end_s in window.speech)
