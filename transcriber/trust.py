"""Which words look made up, and why. Pure.

No sign convicts alone, but for what cannot be: a phrase that comes again and again in a row, and more words than
anybody can say in the time. All others need a second sign that nobody speaks there.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from polyvox.contracts.reasons import Reason
from transcriber.speech import Region, total_s
from transcriber.stock_phrases import CREDITS, PHRASES
from transcriber.words import Placed

MIN_LOGPROB = -1.0
MAX_NO_SPEECH = 0.6
"""Whisper's own thresholds: below the one and above the other its program takes a window for silence."""

UNSURE_LOGPROB = -0.7
UNHEARD_NO_SPEECH = 0.4
"""Half-way signs: each says little by itself."""

UNLIKELY_WORDS = 0.5
"""Mean probability of words that the model had to guess."""

FAINT_S = 0.6
"""So little speech holds one word or two."""

SPOKEN_SHARE = 0.5
"""Words with less speech than this share of their length under them lie mostly beside it."""

LETTERS_PER_S = 40.0
"""The fastest speakers reach about 30. A letter of a script that writes syllables or whole words counts three."""

RUSH_LETTERS = 15
MARGIN_S = 1.0
"""Soft beginnings and endings that a detector of speech may miss."""

LOOP_TIMES = 4
LOOP_WORDS = 6
LONGEST_PHRASE = 30
"""Words of a phrase that repeats itself."""

ECHOES = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a window besides its words. ``speech``: what a detector heard, seconds of the recording.

    ``repeats``: the model's answer repeats itself, at every temperature tried.
    """

    mean_logprob: float
    no_speech_probability: float
    repeats: bool
    speech: tuple[Region, ...]

    @property
    def unheard(self) -> bool:
        """Whether there is a sign in the sound that nobody speaks in the window."""
        return self.no_speech_probability > UNHEARD_NO_SPEECH or total_s(self.speech) < FAINT_S


def judge(words: Sequence[Placed], evidence: Evidence, looped: Collection[tuple[str, ...]] = ()) -> list[Reason | None]:
    """For each word of a window why it looks made up; None for those that do not.

    Args:
        looped: phrases that came again and again around here when more was listened to at once.
    """
    if not words:
        return []
    spoken_s = total_s(evidence.speech) + MARGIN_S
    letters = sum(_letters(word.text) for word in words)
    if letters >= RUSH_LETTERS and letters > LETTERS_PER_S * spoken_s:
        return ["rush"] * len(words)
    doubted = evidence.mean_logprob < MIN_LOGPROB
    if doubted and evidence.no_speech_probability > MAX_NO_SPEECH:
        return ["silence"] * len(words)
    reasons: list[Reason | None] = [None] * len(words)
    for first, end in _segments(words):
        segment = words[first:end]
        unheard = evidence.unheard or _beside(segment, evidence.speech)
        if is_stock(phrase(segment)) and (unheard or _unsure(segment, evidence)):
            reasons[first:end] = ["stock"] * (end - first)
        elif doubted and unheard:
            # Words of a doubted window are unlikely as well: that is no second sign.
            reasons[first:end] = ["doubt"] * (end - first)
    if evidence.repeats:
        for run in runs([normal(word.text) for word in words]):
            known = any(same_round(run.phrase, one) for one in looped)
            first = run.first + (0 if known else len(run.phrase))
            reasons[first : run.end] = ["loop"] * (run.end - first)
    return reasons


def echoes(windows: Sequence[tuple[Sequence[Placed], Evidence]]) -> set[int]:
    """Which windows say nothing but a phrase that at least ``ECHOES`` of them say, with a sign against each.

    People do say one word again and again.
    """
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, (words, evidence) in enumerate(windows):
        if len(words) > 1 and (evidence.unheard or _beside(words, evidence.speech) or _unsure(words, evidence)):
            found[phrase(words)].append(index)
    return {index for indices in found.values() if len(indices) >= ECHOES for index in indices}


@dataclass(frozen=True, slots=True)
class Run:
    """``words[first:end]`` is ``phrase`` again and again, the last time perhaps not to its end."""

    first: int
    end: int
    phrase: tuple[str, ...]


def runs(words: Sequence[str]) -> list[Run]:
    """Where words repeat themselves, in order and apart."""
    found = []
    at = 0
    while at < len(words):
        period, length = _run_at(words, at)
        if period:
            found.append(Run(at, at + length, tuple(words[at : at + period])))
        at += max(length, 1)
    return found


def same_round(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two phrases are one that goes round, met at different words."""
    return len(one) == len(other) and any(one[at:] + one[:at] == other for at in range(len(one)))


def is_stock(words: tuple[str, ...]) -> bool:
    """Whether a text, normalised, is nothing but phrases that models write where nobody speaks."""
    text = "".join(words)
    return any(credit in text for credit in _CREDITS) or _STOCK.fullmatch(text) is not None


def phrase(words: Sequence[Placed]) -> tuple[str, ...]:
    """Words as they are compared: without case and marks, those that have no letters left out."""
    return tuple(filter(None, (normal(word.text) for word in words)))


def normal(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum() or char in "'.@").strip("'.")


def _joined(text: str) -> str:
    return "".join(map(normal, text.split()))


_CREDITS = tuple(map(_joined, CREDITS))
_STOCK = re.compile(
    "(?:" + "|".join(sorted((re.escape(_joined(one)) for one in PHRASES), key=len, reverse=True)) + ")+"
)
"""Without spaces, which are set differently, and not at all in Chinese and Japanese."""


def _beside(words: Sequence[Placed], speech: Sequence[Region]) -> bool:
    """Whether words lie for the most part beside the speech. Pauses between words do not count: pieces far apart share
    a window."""
    length_s = sum(word.end_s - word.start_s for word in words)
    spoken_s = sum(
        max(0.0, min(word.end_s, high_s) - max(word.start_s, low_s)) for word in words for low_s, high_s in speech
    )
    return spoken_s < SPOKEN_SHARE * length_s


def _unsure(words: Sequence[Placed], evidence: Evidence) -> bool:
    """Whether the model doubts its words a little."""
    unlikely = sum(word.probability for word in words) / len(words) < UNLIKELY_WORDS
    return unlikely or evidence.mean_logprob < UNSURE_LOGPROB


def _segments(words: Sequence[Placed]) -> list[tuple[int, int]]:
    """(first, end) of each of the model's own segments."""
    starts = [index for index, word in enumerate(words) if not index or word.segment != words[index - 1].segment]
    return list(zip(starts, [*starts[1:], len(words)], strict=True))


def _letters(text: str) -> int:
    return sum(3 if ord(char) >= 0x2E80 else 1 for char in text if char.isalnum())


def _run_at(words: Sequence[str], at: int) -> tuple[int, int]:
    """(period, length) of the longest run that begins at ``at``; (0, 0) for none."""
    best = (0, 0)
    for period in range(1, min(LONGEST_PHRASE, (len(words) - at) // LOOP_TIMES) + 1):
        length = period
        while at + length < len(words) and words[at + length] == words[at + length - period]:
            length += 1
        if length >= max(LOOP_TIMES * period, LOOP_WORDS) and length > best[1]:
            best = (period, length)
    return best
