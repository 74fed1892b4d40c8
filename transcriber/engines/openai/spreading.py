"""Times of words that nobody gave: worked out from how long the words are and where somebody speaks. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from transcriber.engines.openai.texts import letters
from transcriber.speech import Region


def spread(words: Sequence[str], speech: Sequence[Region]) -> list[Region]:
    """(start, end) of each word: in order, apart, within ``speech``, as long as it has letters.

    Speech is taken to run at one pace and pauses to hold nothing. No word reaches over a pause.

    Args:
        speech: regions in order and apart; at least one.
    """
    sizes = [max(len(letters(word)), 1) for word in words]
    lengths = [end_s - start_s for start_s, end_s in speech]
    total_s, total = sum(lengths), sum(sizes)
    begins_s = [0.0, *accumulate(lengths)]
    found: list[Region] = []
    done = 0
    for size in sizes:
        first_s, last_s = total_s * done / total, total_s * (done + size) / total
        done += size
        # A word across a pause belongs where most of it is.
        region = min(bisect_right(begins_s, (first_s + last_s) / 2) - 1, len(speech) - 1)
        low_s, high_s = speech[region]
        start_s, end_s = (min(max(low_s + at_s - begins_s[region], low_s), high_s) for at_s in (first_s, last_s))
        found.append((start_s, end_s))
    return found


def inside(speech: Sequence[Region], low_s: float, high_s: float) -> list[Region]:
    """What of ``speech`` lies within [low_s, high_s]."""
    within = [(max(start_s, low_s), min(end_s, high_s)) for start_s, end_s in speech]
    return [(start_s, end_s) for start_s, end_s in within if end_s > start_s]
