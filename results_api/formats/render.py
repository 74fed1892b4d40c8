"""A transcript as plain text for people, and its turns as RTTM for diarization tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from polyvox.contracts import Transcript, TranscriptSegment
from results_api.formats.style import USUAL, Style
from results_api.merge.speakers import labels
from results_api.merge.writing import join_texts

PAUSE_S = 2.0
PARAGRAPH_S = 60.0
"""A paragraph of one speaker ends at a long pause, and at the first sentence beyond a minute."""


def text(transcript: Transcript, style: Style = USUAL) -> str:
    """One line per paragraph: ``[00:00:01.2 - 00:00:05.8] Speaker 1: Hello.``; no label where none is known."""
    names = labels(transcript)
    lines = []
    for paragraph in paragraphs(transcript.segments):
        speaker = paragraph[0].speaker if style.speakers else None
        label = f"{names.get(speaker, speaker)}: " if speaker else ""
        said = join_texts(segment.text for segment in paragraph)
        lines.append(f"[{clock(paragraph[0].start)} - {clock(paragraph[-1].end)}] {label}{said}\n")
    return "".join(lines)


def rttm(transcript: Transcript, _style: Style = USUAL) -> str:
    """One SPEAKER line per turn, seconds to the millisecond (NIST RT-09 evaluation plan, appendix A).

    Speakers are told by their ids, and those whom a person named by their names.
    """
    names = {speaker.id: speaker.name for speaker in transcript.speakers if speaker.name}
    return "".join(
        f"SPEAKER {transcript.media_id} 1 {turn.start:.3f} {turn.end - turn.start:.3f} "
        f"<NA> <NA> {'_'.join(names.get(turn.speaker, turn.speaker).split())} <NA> <NA>\n"
        for turn in transcript.turns
    )


def paragraphs(segments: Sequence[TranscriptSegment]) -> Iterator[list[TranscriptSegment]]:
    """What one speaker says in a row, up to a long pause or a minute."""
    paragraph: list[TranscriptSegment] = []
    for segment in segments:
        if paragraph and (
            segment.speaker != paragraph[0].speaker
            or segment.start - paragraph[-1].end > PAUSE_S
            or segment.start - paragraph[0].start > PARAGRAPH_S
        ):
            yield paragraph
            paragraph = []
        paragraph.append(segment)
    if paragraph:
        yield paragraph


def clock(moment_s: float) -> str:
    """``00:01:02.3``: tenths of a second, as exact as word times are."""
    tenths = round(moment_s * 10)
    minutes, tenth = divmod(tenths, 600)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{tenth // 10:02}.{tenth % 10}"
