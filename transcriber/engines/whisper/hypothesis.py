"""What was written for one window, and whether to believe it. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.windowed import MAX_COMPRESSION, MAX_NO_SPEECH, MIN_LOGPROB, temperatures

LONGEST_LOOP = 24
LOOP_TIMES = 4
LOOP_TOKENS = 12

Reason = Literal["loop", "doubt"]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """``tokens`` with timestamps, without the end token; ``logprobs``: (tokens + 1,), the end's last.

    ``heard``: what alignment needs, opaque here. ``looping``: given up because it repeated itself.
    """

    tokens: list[int]
    logprobs: NDArray[np.float32]
    text: str
    no_speech_probability: float
    temperature: float
    looping: bool
    heard: Any = field(default=None, compare=False)

    @property
    def mean_logprob(self) -> float:
        return float(self.logprobs.sum()) / (len(self.tokens) + 1)

    @property
    def repeats(self) -> bool:
        raw = self.text.encode()
        return self.looping or (bool(raw) and len(raw) / len(zlib.compress(raw)) > MAX_COMPRESSION)

    @property
    def doubtful(self) -> bool:
        return self.mean_logprob < MIN_LOGPROB

    @property
    def silent(self) -> bool:
        """Neither the words nor that there are any is believed."""
        return self.doubtful and self.no_speech_probability > MAX_NO_SPEECH

    @property
    def suspect(self) -> Reason | None:
        return "loop" if self.repeats else "doubt" if self.doubtful else None


def next_temperature(tried: Sequence[Hypothesis], first: float = 0.0) -> float | None:
    """What to try after ``tried``, which began at ``first``; None when the last is good or nothing is left."""
    last = tried[-1]
    ladder = temperatures(first)
    if last.silent or last.suspect is None or len(tried) >= len(ladder):
        return None
    return ladder[len(tried)]


def best(tried: Sequence[Hypothesis]) -> Hypothesis | None:
    """The one to keep of all that was tried; None for no speech."""
    last = tried[-1]
    if last.silent:
        return None
    if last.suspect is None:
        return last
    unlooped = [hypothesis for hypothesis in tried if not hypothesis.repeats]
    return max(unlooped or tried, key=lambda hypothesis: hypothesis.mean_logprob)


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
