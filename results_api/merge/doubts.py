"""Words that look made up: what transcribers suspected, and what lies where nobody was heard. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from polyvox.contracts import Diarization, PartWords, SuspectWords, Word
from polyvox.contracts.reasons import Reason
from polyvox.contracts.transcript import TranscriptSuspect
from results_api.merge import coverage
from results_api.merge.intervals import Interval
from results_api.merge.spoken import SpokenWord, seconds

OUTSIDE: Reason = "outside-speech"
UNLIKELY = 0.5
"""Words where nobody was heard that their model gave a lower probability than this on average are left out: two
signs. What it was sure of stays, with the flag."""


def brought_in(parts: Sequence[PartWords]) -> list[PartWords]:
    """Parts with what their transcriber suspected among their words, but what another word was put in the place of."""
    return [_whole(part) if part.suspects else part for part in parts]


def marked(
    words: Sequence[SpokenWord], parts: Sequence[PartWords], speech: Sequence[Interval] | None
) -> list[SpokenWord]:
    """Words with the reasons for which they look made up.

    That of a transcriber goes first. ``speech``: what was heard in the recording; None: nobody listened.
    """
    suspected = [one for part in parts for one in part.suspects if not one.words]
    outside = coverage.suspects([(word.start_s, word.end_s) for word in words], speech)
    found = []
    for word, away in zip(words, outside, strict=True):
        said = next((one.reason for one in suspected if one.start_s <= word.start_s < one.end_s), None)
        reason = word.reason or said or (OUTSIDE if away else None)
        found.append(word if reason is None else word._replace(reason=reason))
    return found


def left_out(words: Sequence[SpokenWord], parts: Sequence[PartWords], diarization: Diarization | None) -> list[bool]:
    """For each word whether the transcript goes without it: nobody was heard there, and another sign is against it."""
    heard = None
    # The transcriber's detector is a second witness only where the diarizer was the first, and where it listened.
    if diarization is not None and not any(part.words and not part.speech for part in parts):
        heard = [(region.start_s, region.end_s) for part in parts for region in part.speech]
    unheard = coverage.suspects([(word.start_s, word.end_s) for word in words], heard)
    found: list[bool] = []
    for reason, group in groupby(words, key=lambda word: word.reason):
        run = list(group)
        unlikely = sum(word.probability for word in run) / len(run) < UNLIKELY
        found += [reason == OUTSIDE and (unlikely or unheard[len(found) + n]) for n in range(len(run))]
    return found


def listed(
    words: Sequence[SpokenWord], gone: Sequence[bool], parts: Sequence[PartWords], *, keep: bool
) -> list[TranscriptSuspect]:
    """All that looks made up, in order.

    Args:
        words: with their reasons; those that ``gone`` names are left out of the transcript.
        keep: what transcribers suspected is among ``words``.
    """
    found = [] if keep else [_suspect(one) for part in parts for one in part.suspects if one.words]
    for (reason, away), group in groupby(zip(words, gone, strict=True), key=lambda pair: (pair[0].reason, pair[1])):
        run = [word for word, _ in group]
        if reason is not None:
            text = "".join(word.text for word in run).strip()
            times = {"start": seconds(run[0].start_s), "end": seconds(run[-1].end_s)}
            found.append(TranscriptSuspect(**times, text=text, reason=reason, left_out=away))
    return sorted(found, key=lambda one: (one.start, one.end))


def _whole(part: PartWords) -> PartWords:
    taken = [(word.start_s, word.end_s) for word in part.words]
    more = [
        word.model_copy(update={"reason": one.reason})
        for one in part.suspects
        for word in one.words
        if not _meets(word, taken)
    ]
    return part.model_copy(update={"words": sorted([*part.words, *more], key=lambda word: word.start_s)})


def _meets(word: Word, taken: Sequence[Interval]) -> bool:
    return any(start_s < word.end_s and word.start_s < end_s for start_s, end_s in taken)


def _suspect(one: SuspectWords) -> TranscriptSuspect:
    times = {"start": seconds(one.start_s), "end": seconds(one.end_s)}
    return TranscriptSuspect(**times, text=one.text, reason=one.reason, left_out=True)
