"""Turns what somebody asks for, by segments and speakers of one version, into a correction that outlives it. Pure."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from polyvox.contracts import Correction, SegmentCorrection, SpeakerCorrection, Transcript, TranscriptSpeaker
from polyvox.errors import Invalid
from results_api.corrections.naming import spoken
from results_api.corrections.wording import normalised
from results_api.merge.attribution import UNKNOWN

TEXT_CHARS = 10_000
NAME_CHARS = 200
ID_CHARS = 26


@dataclass(frozen=True, slots=True)
class Asked:
    """``segments``: text by id of the segment. ``speakers``: name, or None for none, by id or label of the speaker."""

    segments: Mapping[int, str] = field(default_factory=dict)
    speakers: Mapping[str, str | None] = field(default_factory=dict)
    author: str | None = None


def id_of(media_id: str, made_of: str, asked: Asked) -> str:
    """The same when the same is asked of the same version again. ``made_of`` names the version and what is in it."""
    content = [sorted(asked.segments.items()), sorted(asked.speakers.items()), asked.author]
    return _digest("correction", media_id, made_of, content)


def id_of_taking_back(media_id: str, correction: str) -> str:
    return _digest("taken-back", media_id, correction)


def correction_of(id: str, transcript: Transcript, asked: Asked) -> Correction:
    """What changes; what is asked to stay as it is, is left out.

    Raises:
        Invalid: a segment or speaker is not there, a text or name cannot be, or nothing would change.
    """
    known = {segment.id: segment for segment in transcript.segments}
    segments = []
    for number, text in sorted(asked.segments.items()):
        if number not in known:
            last = f"they are 0 to {len(known) - 1}" if known else "it has none"
            raise Invalid(f"There is no segment {number} in this transcript: {last}.", code="no-such-segment")
        segment, after = known[number], _text(text, number)
        if after != normalised(segment.text):
            segments.append(
                SegmentCorrection(start=segment.start, end=segment.end, before=normalised(segment.text), after=after)
            )
    speakers: list[SpeakerCorrection] = []
    for called, name in asked.speakers.items():
        speaker, given = _speaker(transcript, called), _name(name)
        if any(one.speaker == speaker.id for one in speakers):
            raise Invalid(f"The speaker {speaker.id} is named twice.", code="named-twice")
        if given != speaker.name:
            when = spoken(speaker.id, transcript.turns, transcript.segments)
            speakers.append(SpeakerCorrection(speaker=speaker.id, name=given, spoken=when))
    if not segments and not speakers:
        raise Invalid("The transcript says all of this already.", code="nothing-to-correct")
    return Correction(
        media_id=transcript.media_id, correction=id, author=asked.author, segments=segments, speakers=speakers
    )


def _text(text: str, number: int) -> str:
    after = normalised(text)
    if _has_control(after):
        raise Invalid(f"The text of segment {number} has control characters.", code="bad-text")
    if len(after) > TEXT_CHARS:
        raise Invalid(f"The text of segment {number} is longer than {TEXT_CHARS} characters.", code="too-long")
    return after


def _name(name: str | None) -> str | None:
    if name is None:
        return None
    given = normalised(name)
    if not 0 < len(given) <= NAME_CHARS or _has_control(given):
        detail = f"A name has 1 to {NAME_CHARS} characters, no control characters among them; null takes one away."
        raise Invalid(detail, code="bad-name")
    return given


def _speaker(transcript: Transcript, called: str) -> TranscriptSpeaker:
    """By id, else by label."""
    found = [one for one in transcript.speakers if one.id == called]
    found = found or [one for one in transcript.speakers if one.label == called]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"{one.id} ({one.label})" for one in transcript.speakers) or "none"
    if called == UNKNOWN:
        why = "What nobody is known to have said has no speaker to be named."
    else:
        why = f"Several speakers are called {called}." if found else f"There is no speaker {called}."
    raise Invalid(f"{why} The speakers of this transcript: {there}.", code="no-such-speaker")


def _has_control(text: str) -> bool:
    # Lone surrogates cannot be written as UTF-8.
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _digest(*content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:ID_CHARS]
