"""Whether to believe what a model wrote for a window, and at which temperature to ask it again. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Protocol, TypeVar

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MAX_COMPRESSION = 2.4
MIN_LOGPROB = -1.0
MAX_NO_SPEECH = 0.6
"""Whisper's own thresholds (openai-whisper, transcribe.py)."""

UNSURE_LOGPROB = -0.5
"""Below, what was written without timestamps is written with them too, and the likelier is kept."""

LONGEST_LOOP = 24
LOOP_TIMES = 4
LOOP_TOKENS = 12
"""Tokens that come so many times in a row, and are so many together, are a loop."""

THRICE = re.compile(r"(.{6,60}?)\1\1")
"""Letters that come three times running: what people do say, and what a model says that hears nothing it knows."""


class Written(Protocol):
    """What a model wrote for a window, and what it thinks of it itself. ``looping``: it repeats itself at the end."""

    @property
    def text(self) -> str: ...

    @property
    def mean_logprob(self) -> float: ...

    @property
    def no_speech_probability(self) -> float: ...

    @property
    def looping(self) -> bool: ...


W = TypeVar("W", bound=Written)


def compression(text: str) -> float:
    """How many times smaller a text gets: what repeats itself gets smaller."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def repeats(written: Written) -> bool:
    return written.looping or compression(written.text) > MAX_COMPRESSION


def stuck(written: Written) -> bool:
    """Whether its likelihood says nothing: what was written before is likely to come again.

    An unsure answer that says a phrase three times running is likelier than one that has heard half of the words.
    """
    if repeats(written):
        return True
    letters = filter(str.isalnum, written.text.casefold())
    return unsure(written) and THRICE.search("".join(letters)) is not None


def doubtful(written: Written) -> bool:
    return written.mean_logprob < MIN_LOGPROB


def unsure(written: Written) -> bool:
    """Whether another way of writing may well be likelier."""
    return written.mean_logprob < UNSURE_LOGPROB or repeats(written)


def silent(written: Written) -> bool:
    """Neither the words nor that there are any is believed."""
    return doubtful(written) and written.no_speech_probability > MAX_NO_SPEECH


def temperatures(first: float) -> tuple[float, ...]:
    """What is tried in turn: ``first``, then Whisper's own steps above it."""
    return (first, *(step for step in TEMPERATURES if step > first))


def next_temperature(tried: Sequence[Written], first: float = 0.0) -> float | None:
    """What to try after ``tried``, which began at ``first``; None when the last is good or nothing is left."""
    last = tried[-1]
    ladder = temperatures(first)
    good = not stuck(last) and not doubtful(last)
    if good or silent(last) or len(tried) >= len(ladder):
        return None
    return ladder[len(tried)]


def best(tried: Sequence[W]) -> W:
    """The one to keep of all that was tried.

    A silent last one; else the likeliest of those that are good, of those that are not stuck, or of all.
    """
    last = tried[-1]
    if silent(last):
        return last
    going_on = [written for written in tried if not stuck(written)]
    good = [written for written in going_on if not doubtful(written)]
    return max(good or going_on or tried, key=lambda written: written.mean_logprob)


def loops(text_tokens: Sequence[int]) -> bool:
    """Whether the sequence ends in the same few tokens again and again."""
    for period in range(1, LONGEST_LOOP + 1):
        length = max(LOOP_TIMES * period, LOOP_TOKENS)
        if length > len(text_tokens):
            break
        tail = text_tokens[-length:]
        if all(tail[index] == tail[index - period] for index in range(period, length)):
            return True
    return False
