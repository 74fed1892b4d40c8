"""Makes what people corrected again, on a transcript as the merge gives it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from polyvox.contracts import Correction, SegmentCorrection, Transcript, TranscriptTurn, UnplacedCorrection
from results_api.corrections.naming import named
from results_api.corrections.placing import Edit, Held, place
from results_api.corrections.wording import normalised
from results_api.merge.attribution import UNKNOWN
from results_api.merge.writing import join_texts

LOST = "lost"
OTHER_WORDS = "other-words"


def corrected(transcript: Transcript, corrections: Sequence[Correction], lost: Iterable[str] = ()) -> Transcript:
    """The transcript with all corrections, the earliest first in ``corrections``; what has no place is in ``unplaced``.

    On the words that they were made on, corrections do what they say, to the letter; segments are numbered
    anew. ``lost``: ids of corrections whose text nobody has any more.
    """
    gone = [UnplacedCorrection(correction=one, reason=LOST) for one in lost]
    if not corrections and not gone:
        return transcript
    work = _Work([Held(segment) for segment in transcript.segments], transcript)
    for correction in corrections:
        for told in correction.segments:
            work.make(correction.correction, told)
    segments = [one.segment.model_copy(update={"id": number}) for number, one in enumerate(work.held)]
    speakers, nameless = named(transcript.speakers, transcript.turns, segments, corrections)
    return transcript.model_copy(
        update={
            "segments": segments,
            "text": join_texts(segment.text for segment in segments),
            "speakers": speakers,
            "unplaced": [*transcript.unplaced, *work.unplaced.values(), *nameless, *gone],
        }
    )


@dataclass(slots=True)
class _Work:
    held: list[Held]
    transcript: Transcript
    made: dict[str, list[Edit]] = field(default_factory=dict)
    """By what they say now."""
    unplaced: dict[Edit, UnplacedCorrection] = field(default_factory=dict)

    def make(self, correction: str, told: SegmentCorrection) -> None:
        edit = Edit(correction, told.start, told.end, (normalised(told.before),), normalised(told.after))
        earlier = [one for one in self.made.get(edit.known[0], []) if one.shares(edit)]
        known = dict.fromkeys([*edit.known, *(text for one in earlier for text in one.known)])
        edit = Edit(correction, told.start, told.end, tuple(known), edit.after)
        for one in earlier:
            # What it said is what this one replaces.
            self.unplaced.pop(one, None)
        held = place(self.held, edit, self._speaks)
        if held is None:
            times = told.model_dump(include={"start", "end", "before", "after"})
            self.unplaced[edit] = UnplacedCorrection(correction=correction, reason=OTHER_WORDS, **times)
        else:
            self.held = held
        self.made.setdefault(edit.after, []).append(edit)

    def _speaks(self, start_s: float, end_s: float) -> str | None:
        """Who has a turn for most of a stretch."""
        spoken_s: dict[str, float] = {}
        for turn in self.transcript.turns:
            if (inside_s := _common_s(turn, start_s, end_s)) > 0:
                spoken_s[turn.speaker] = spoken_s.get(turn.speaker, 0.0) + inside_s
        nobody = UNKNOWN if self.transcript.speakers else None
        return max(spoken_s, key=spoken_s.__getitem__, default=nobody)


def _common_s(turn: TranscriptTurn, start_s: float, end_s: float) -> float:
    return min(turn.end, end_s) - max(turn.start, start_s)
