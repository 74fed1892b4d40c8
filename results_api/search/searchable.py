"""A result as the search has it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polyvox.contracts import Transcript
from results_api.search.asked import tags
from results_api.search.words import words


@dataclass(frozen=True, slots=True)
class Segment:
    """``words`` and ``tags`` are what it is found by."""

    index: int
    start_s: float
    end_s: float
    speaker: str | None
    label: str | None
    language: str | None
    text: str
    words: Sequence[str]
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class Searchable:
    """One version of a recording's result."""

    media_id: str
    version: int
    segments: Sequence[Segment] = ()


def searchable(transcript: Transcript, *, version: int, tenant: str) -> Searchable:
    """A segment is in the language it says, else in that of the whole."""
    labels = {speaker.id: speaker.label for speaker in transcript.speakers}
    made: list[Segment] = []
    for index, segment in enumerate(transcript.segments):
        label = labels.get(segment.speaker) if segment.speaker else None
        language = segment.language or transcript.language
        made.append(
            Segment(
                index=index,
                start_s=segment.start,
                end_s=segment.end,
                speaker=_stored(segment.speaker),
                label=_stored(label),
                language=_stored(language),
                text=_stored(segment.text.strip()) or "",
                words=[word.text for word in words(segment.text)],
                tags=tags(
                    tenant=tenant,
                    language=language,
                    speakers=[name for name in (segment.speaker, label) if name],
                    metadata=transcript.metadata,
                ),
            )
        )
    return Searchable(transcript.media_id, version, made)


def _stored(text: str | None) -> str | None:
    """Databases keep no NUL in their texts."""
    return text.replace("\0", "") if text else text
