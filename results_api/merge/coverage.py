"""The audit: is there speech without words, are there words without speech?"""

from __future__ import annotations

from collections.abc import Sequence

from polyvox.contracts import Coverage, Diarization, PartWords, Span
from results_api.merge.intervals import Interval, Measure, intersect, subtract, total_s, union
from results_api.merge.spoken import seconds

GAP_S = 2.0
"""Speech that lacks words for longer than this is a gap. Below, it is a breath, an "uh" that
models leave out, or the slack of a border."""

PAUSE_S = 0.5
"""Pauses this short inside speech, and between words, belong to what surrounds them."""

WORD_MARGIN_S = 0.3
"""How much later or sooner than its word time a word may really be spoken."""

SPEECH_MARGIN_S = 0.5
"""A word this near to speech is not suspect: detectors miss soft beginnings and endings."""


def heard(
    diarization: Diarization | None, parts: Sequence[PartWords], retakes: Sequence[PartWords] = ()
) -> list[Interval] | None:
    """When somebody speaks: what the diarizer heard, else what the transcriber's detector heard.

    What the diarizer alone heard does not count where a second attempt found no speech: it was
    music, most likely. None when neither listened: parts with words but without any region come from an engine
    that has no detector.
    """
    if diarization is not None:
        spoken = [(region.start_s, region.end_s) for region in diarization.speech]
        said = union(spoken + [(turn.start_s, turn.end_s) for turn in diarization.turns])
        return subtract(said, dismissed(diarization, parts, retakes))
    regions = [(region.start_s, region.end_s) for part in (*parts, *retakes) for region in part.speech]
    if not regions and any(part.words for part in parts):
        return None
    return union(regions)


def dismissed(
    diarization: Diarization | None, parts: Sequence[PartWords], retakes: Sequence[PartWords]
) -> list[Interval]:
    """What was listened to again and in which no detector of the transcriber's heard speech."""
    if diarization is None or any(part.words and not part.speech for part in parts):
        # The only witness there is, or an engine that has no detector.
        return []
    speech = [(region.start_s, region.end_s) for part in (*parts, *retakes) for region in part.speech]
    return subtract(_again(retakes), union(speech, pad_s=SPEECH_MARGIN_S))


def with_retakes(
    found: Coverage, diarization: Diarization | None, parts: Sequence[PartWords], retakes: Sequence[PartWords]
) -> Coverage:
    """The audit, which also says what was listened to a second time."""
    if not retakes:
        return found
    return found.model_copy(
        update={
            "retaken": [_span(interval) for interval in _again(retakes)],
            "dismissed": [_span(interval) for interval in dismissed(diarization, parts, retakes)],
        }
    )


def _again(retakes: Sequence[PartWords]) -> list[Interval]:
    return union((stretch.start_s, stretch.end_s) for retake in retakes for stretch in retake.stretches)


def suspects(words: Sequence[Interval], speech: Sequence[Interval] | None) -> list[bool]:
    """Per word whether no speech was heard anywhere near it."""
    if speech is None:
        return [False] * len(words)
    near = Measure(union(speech, pad_s=SPEECH_MARGIN_S))
    return [not near.touches(start_s, end_s) for start_s, end_s in words]


def audit(
    words: Sequence[Interval],
    speech: Sequence[Interval] | None,
    within: Sequence[Interval],
    *,
    gap_s: float = GAP_S,
) -> Coverage:
    """Compares words with speech. ``within``: where words can be expected (parts that are not still awaited).

    Without knowledge of speech (None) nothing is claimed.
    """
    if speech is None:
        return Coverage()
    expected = intersect(union(speech, join_s=PAUSE_S), union(within))
    worded = union(words, join_s=PAUSE_S, pad_s=WORD_MARGIN_S)
    missing = subtract(expected, worded)
    suspect = [word for word, flag in zip(words, suspects(words, speech), strict=True) if flag]
    return Coverage(
        speech=seconds(total_s(expected)),
        covered=seconds(total_s(expected) - total_s(missing)),
        gaps=[_span(gap) for gap in missing if gap[1] - gap[0] > gap_s],
        words_outside_speech=len(suspect),
        suspect=[_span(span) for span in _spans(suspect)],
    )


def _spans(words: Sequence[Interval]) -> list[Interval]:
    """Where the words are, near ones as one span; unlike a union it keeps words without length."""
    spans: list[Interval] = []
    for start, end in sorted(words):
        if spans and start <= spans[-1][1] + PAUSE_S:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans


def _span(interval: Interval) -> Span:
    return Span(start=seconds(interval[0]), end=seconds(interval[1]))
