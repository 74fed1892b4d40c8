"""Only some stretches of a part: what to cut out of it, and what was heard in the cuts as heard in the part. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.base import Effort, EngineWord, Transcription
from transcriber.speech import Region

SAMPLE_RATE_HZ = 16_000
PAD_S = 0.5
"""Heard before and after a stretch, so that its first and last word are whole."""
SLACK_S = 0.3
"""How far outside its stretch the middle of a word may be; further out it is a word of the neighbours."""


def cut(audio: NDArray[np.float32], stretches: Sequence[Region]) -> list[NDArray[np.float32]]:
    """The samples of each stretch with padding, shape (n,), 16 kHz; the padding ends with the audio."""
    return [
        audio[round(_from_s(stretch) * SAMPLE_RATE_HZ) : round((stretch[1] + PAD_S) * SAMPLE_RATE_HZ)]
        for stretch in stretches
    ]


def joined(stretches: Sequence[Region], results: Sequence[Transcription]) -> Transcription:
    """One transcription of the part from those of its cuts: what belongs to the stretches, in the part's time."""
    words: list[EngineWord] = []
    speech: list[Region] = []
    suspects = []
    effort = Effort()
    for stretch, result in zip(stretches, results, strict=True):
        offset_s = _from_s(stretch)
        first = 1 + max((word.segment for word in words), default=-1)
        for word in result.words:
            moved = _moved(word, offset_s, first, result.language)
            if stretch[0] - SLACK_S <= (moved.start_s + moved.end_s) / 2 <= stretch[1] + SLACK_S:
                words.append(moved)
        speech += [
            (max(start_s + offset_s, stretch[0]), min(end_s + offset_s, stretch[1]))
            for start_s, end_s in result.speech
            if start_s + offset_s < stretch[1] and end_s + offset_s > stretch[0]
        ]
        suspects += [
            replace(
                one,
                start_s=one.start_s + offset_s,
                end_s=one.end_s + offset_s,
                words=[_moved(word, offset_s, first, result.language) for word in one.words],
            )
            for one in result.suspects
        ]
        effort = _sum(effort, result.effort)
    return Transcription(
        words=words,
        language=next((result.language for result in results if result.words), None),
        languages=[],
        speech=speech,
        suspects=suspects,
        effort=effort,
    )


def _moved(word: EngineWord, offset_s: float, first: int, language: str | None) -> EngineWord:
    """A word of a cut in the part's time; it says its language, which need not be that of other cuts."""
    return replace(
        word,
        start_s=word.start_s + offset_s,
        end_s=word.end_s + offset_s,
        segment=first + word.segment,
        language=word.language or language,
    )


def _from_s(stretch: Region) -> float:
    """Where the cut of a stretch begins."""
    return max(stretch[0] - PAD_S, 0.0)


def _sum(left: Effort, right: Effort) -> Effort:
    return replace(
        left,
        windows=left.windows + right.windows,
        window_s=left.window_s + right.window_s,
        decodes=left.decodes + right.decodes,
        tokens=left.tokens + right.tokens,
        loads=(*left.loads, *right.loads),
    )
