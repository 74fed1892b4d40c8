"""Turns and speakers as people see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from polyvox.contracts import Diarization, Options, Transcript, TranscriptSpeaker, TranscriptTurn, Turn
from results_api.merge.attribution import UNKNOWN, overlaps
from results_api.merge.intervals import Measure, total_s, union
from results_api.merge.spoken import SpokenWord, seconds
from results_api.people.recognition import Recognised

UNKNOWN_LABEL = "Unknown"


def inside(turns: Iterable[Turn], duration_s: float) -> list[Turn]:
    """The turns cut to the recording and sorted; what is outside or empty goes, repeats too."""
    kept = {
        (start_s, end_s, turn.speaker)
        for turn in turns
        if (start_s := max(turn.start_s, 0.0)) < (end_s := min(turn.end_s, duration_s))
    }
    return [Turn(start_s=start_s, end_s=end_s, speaker=speaker) for start_s, end_s, speaker in sorted(kept)]


def published_turns(turns: Sequence[Turn]) -> list[TranscriptTurn]:
    """``overlap``: during some of the turn somebody else speaks too."""
    several = Measure(overlaps(turns))
    return [
        TranscriptTurn(
            start=seconds(turn.start_s),
            end=seconds(turn.end_s),
            speaker=turn.speaker,
            overlap=several.covered_s(turn.start_s, turn.end_s) > 0,
        )
        for turn in turns
    ]


def speakers(
    turns: Sequence[Turn], words: Sequence[SpokenWord], people: Mapping[str, Recognised] = MappingProxyType({})
) -> list[TranscriptSpeaker]:
    """Everybody with a turn, labelled by name, or Speaker 1, 2, … in the order in which they have words.

    A breath or a slip of some milliseconds makes nobody the first. Who says no word comes last, in the order of first
    turns.
    """
    spoken: dict[str, list[tuple[float, float]]] = {}
    for turn in turns:
        spoken.setdefault(turn.speaker, []).append((turn.start_s, turn.end_s))
    saying = dict.fromkeys(word.speaker for word in words if word.speaker not in (None, UNKNOWN))
    silent = sorted(spoken.keys() - saying.keys(), key=lambda speaker: (min(spoken[speaker]), speaker))
    return [
        TranscriptSpeaker(
            id=speaker,
            label=people[speaker].name if speaker in people else f"Speaker {number}",
            speech=seconds(total_s(union(spoken.get(speaker, ())))),
            person=people[speaker].person if speaker in people else None,
        )
        for number, speaker in enumerate([*saying, *silent], start=1)
    ]


def on_channels(found: Sequence[TranscriptSpeaker], diarization: Diarization | None) -> list[TranscriptSpeaker]:
    """The speakers, with the channel that each of them is, if that is how they were told apart."""
    channels = {one.speaker: one.channel for one in diarization.speakers} if diarization else {}
    return [
        one if (channel := channels.get(one.id)) is None else one.model_copy(update={"channel": channel})
        for one in found
    ]


def missed_wish(options: Options, found: int) -> str | None:
    """A sentence where another number of speakers was asked for than was found; None where all is well."""
    low = options.num_speakers or options.min_speakers or 0
    high = options.num_speakers or options.max_speakers or found
    if found == 0 or low <= found <= high:
        return None
    if options.num_speakers:
        wish = f"{options.num_speakers} speakers"
    else:
        wish = f"at least {low} speakers" if found < low else f"at most {high} speakers"
    return f"You asked for {wish}; {found} could be told apart."


def labels(transcript: Transcript) -> Mapping[str, str]:
    """What to call each speaker id, ``unknown`` included."""
    return {UNKNOWN: UNKNOWN_LABEL} | {speaker.id: speaker.label for speaker in transcript.speakers}
