"""Which speakers the names that people gave belong to, who may be told apart anew since. Pure.

A speaker is known again by when they speak: the one who speaks for most of that time has the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from polyvox.contracts import (
    Correction,
    Span,
    SpeakerCorrection,
    TranscriptSegment,
    TranscriptSpeaker,
    TranscriptTurn,
    UnplacedCorrection,
)
from results_api.merge.intervals import Interval, intersect, total_s, union

MOSTLY = 0.5


@dataclass(slots=True)
class _Given:
    """A name, when its bearer spoke, and for how much of that whoever has it now speaks."""

    correction: str
    told: SpeakerCorrection
    spoken: list[Interval]
    heard_s: float


@dataclass(slots=True)
class _Names:
    by_speaker: dict[str, _Given] = field(default_factory=dict)
    unplaced: list[UnplacedCorrection] = field(default_factory=list)


def spoken(speaker: str, turns: Iterable[TranscriptTurn], segments: Iterable[TranscriptSegment]) -> list[Span]:
    """When a speaker speaks; by segments where there are no turns."""
    found = union((turn.start, turn.end) for turn in turns if turn.speaker == speaker)
    found = found or union((one.start, one.end) for one in segments if one.speaker == speaker)
    return [Span(start=start_s, end=end_s) for start_s, end_s in found]


def named(
    speakers: Sequence[TranscriptSpeaker],
    turns: Sequence[TranscriptTurn],
    segments: Sequence[TranscriptSegment],
    corrections: Iterable[Correction],
) -> tuple[list[TranscriptSpeaker], list[UnplacedCorrection]]:
    """The speakers with their names, the last given to each; and the names of which nobody knows whose they are."""
    times = {
        speaker.id: [(span.start, span.end) for span in spoken(speaker.id, turns, segments)] for speaker in speakers
    }
    names = _Names()
    for correction in corrections:
        for told in correction.speakers:
            _give(names, correction.correction, told, times)
    return [_called(speaker, names.by_speaker.get(speaker.id)) for speaker in speakers], names.unplaced


def _give(names: _Names, correction: str, told: SpeakerCorrection, times: dict[str, list[Interval]]) -> None:
    when = union((span.start, span.end) for span in told.spoken)
    heard = {speaker: total_s(intersect(when, spoken)) for speaker, spoken in times.items()}
    # Of two who speak for as long, the one of that very id.
    speaker = max(heard, key=lambda one: (heard[one], one == told.speaker), default=None)
    if not when:
        speaker = told.speaker if told.speaker in times else None
    if speaker is None or (when and heard[speaker] < MOSTLY * total_s(when)):
        names.unplaced.append(_unplaced(correction, told))
        return
    given, known = _Given(correction, told, when, heard[speaker]), names.by_speaker.get(speaker)
    if known is not None and not _is_same(known, given):
        # Two people are one speaker now: it is called by whom it is more of.
        if known.heard_s >= given.heard_s:
            known, given = given, known
        names.unplaced.append(_unplaced(known.correction, known.told))
    names.by_speaker[speaker] = given


def _is_same(known: _Given, given: _Given) -> bool:
    """Whether both names were given to the same person."""
    common_s = total_s(intersect(known.spoken, given.spoken))
    shorter_s = min(total_s(known.spoken), total_s(given.spoken))
    return known.told.speaker == given.told.speaker if shorter_s == 0 else common_s >= MOSTLY * shorter_s


def _called(speaker: TranscriptSpeaker, given: _Given | None) -> TranscriptSpeaker:
    if given is None or given.told.name is None:
        return speaker
    return speaker.model_copy(update={"label": given.told.name, "name": given.told.name})


def _unplaced(correction: str, told: SpeakerCorrection) -> UnplacedCorrection:
    return UnplacedCorrection(correction=correction, reason="no-such-speaker", speaker=told.speaker, name=told.name)
