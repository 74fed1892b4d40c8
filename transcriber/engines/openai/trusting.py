"""Which words of an answer look made up, by the figures that come with it and by the speech under them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from polyvox.contracts.reasons import Reason
from transcriber import trust
from transcriber.engines.openai.answers import SaidSegment
from transcriber.engines.openai.placing import Heard
from transcriber.engines.openai.spreading import inside
from transcriber.engines.openai.texts import compression
from transcriber.engines.taken import Taken
from transcriber.windows import Window
from transcriber.words import Placed

MAX_COMPRESSION = 2.4
"""Whisper's own threshold (openai-whisper, transcribe.py)."""


def judged(heard: Heard, window: Window, language: str, first_segment: int) -> Taken:
    """The words of a slice, each with why it looks made up, if it does; segments counted from ``first_segment``.

    Segments are judged by their own figures, and the slice as a whole by whether it repeats itself.
    """
    whole = trust.Evidence(
        _mean_logprob(heard.words), 0.0, _repeats("".join(word.text for word in heard.words)), window.speech
    )
    reasons: list[Reason | None] = []
    for number, group in _by_segment(heard.words):
        segment = heard.segments[number] if number < len(heard.segments) else None
        reasons += trust.judge(group, _evidence(group, segment, window))
    loops = trust.judge(heard.words, whole) if whole.repeats else [None] * len(heard.words)
    numbered = [
        Placed(word.text, word.start_s, word.end_s, word.probability, first_segment + word.segment)
        for word in heard.words
    ]
    return Taken(numbered, [one or other for one, other in zip(reasons, loops, strict=True)], whole, language)


def _evidence(words: Sequence[Placed], segment: SaidSegment | None, window: Window) -> trust.Evidence:
    if segment is None:
        return trust.Evidence(_mean_logprob(words), 0.0, False, window.speech)
    repeats = segment.compression_ratio
    return trust.Evidence(
        _mean_logprob(words) if segment.avg_logprob is None else segment.avg_logprob,
        segment.no_speech_prob or 0.0,
        _repeats(segment.text) if repeats is None else repeats > MAX_COMPRESSION,
        tuple(inside(window.speech, words[0].start_s, words[-1].end_s)),
    )


def _mean_logprob(words: Sequence[Placed]) -> float:
    return sum(math.log(max(word.probability, 1e-6)) for word in words) / max(len(words), 1)


def _repeats(text: str) -> bool:
    return compression(text) > MAX_COMPRESSION


def _by_segment(words: Sequence[Placed]) -> list[tuple[int, list[Placed]]]:
    groups: list[tuple[int, list[Placed]]] = []
    for word in words:
        if groups and groups[-1][0] == word.segment:
            groups[-1][1].append(word)
        else:
            groups.append((word.segment, [word]))
    return groups
