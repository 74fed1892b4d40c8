"""Cuts a transcript into subtitle cues: two short lines, a few seconds, never two at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from polyvox.contracts import Transcript, TranscriptSegment
from results_api.merge.speakers import labels
from results_api.merge.writing import ends_clause

LINE_COLUMNS = 42
LINES = 2
MAX_CUE_S = 7.0
"""Two lines of 42 columns for at most 7 s: the customary limits of what is comfortably read."""

MIN_CUE_MS = 1000
"""Shorter cues stay until here, where the next one leaves them the time."""


@dataclass(frozen=True, slots=True)
class Cue:
    """``speaker`` is a label; ``new_speaker``: somebody else spoke in the cue before."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    speaker: str | None
    new_speaker: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word, or a stretch of one that is wider than a line. ``columns`` counts the leading space, if any."""

    start_s: float
    end_s: float
    text: str
    columns: int

    @property
    def bare_columns(self) -> int:
        """Width at the start of a line."""
        return self.columns - self.text.startswith(" ")


def cues(transcript: Transcript, *, show_speakers: bool = False) -> list[Cue]:
    """Cues in order, none overlapping or empty, that hold all the words.

    With ``show_speakers`` room is kept for the speaker's label before the first line of a
    cue that changes the speaker.
    """
    names = labels(transcript)
    drafts: list[tuple[Sequence[_Piece], tuple[str, ...], str | None, bool]] = []
    shown: str | None = None
    for segment in transcript.segments:
        speaker = names.get(segment.speaker, segment.speaker) if segment.speaker else None
        pieces = [piece for piece in _pieces(segment) if piece.text.strip()]
        while pieces:
            new_speaker = speaker != shown
            indent = _columns(f"{speaker}: ") if show_speakers and new_speaker and speaker else 0
            count = _fill(pieces, indent)
            drafts.append((pieces[:count], _lines(pieces[:count], indent), speaker, new_speaker))
            pieces, shown = pieces[count:], speaker
    times = _times([(draft[0][0].start_s, draft[0][-1].end_s) for draft in drafts], transcript.duration)
    return [
        Cue(start_ms, end_ms, lines, speaker, new_speaker)
        for (start_ms, end_ms), (_, lines, speaker, new_speaker) in zip(times, drafts, strict=True)
    ]


def _pieces(segment: TranscriptSegment) -> Iterator[_Piece]:
    """The words, those wider than a line cut into stretches with a share of the time."""
    for word in segment.words:
        text = " ".join(word.word.split())
        lead = " " if word.word[:1].isspace() else ""
        chunks = _chunks(text)
        step_s = (word.end - word.start) / max(len(chunks), 1)
        for number, chunk in enumerate(chunks):
            start_s = word.start + number * step_s
            said = lead + chunk if number == 0 else chunk
            yield _Piece(start_s, start_s + step_s, said, _columns(said))


def _chunks(text: str) -> list[str]:
    """``text``, cut into stretches of half a line where it is wider than a whole one."""
    if _columns(text) <= LINE_COLUMNS:
        return [text]
    chunks, columns = [""], 0
    for character in text:
        columns += _columns(character)
        if columns > LINE_COLUMNS // 2:
            chunks.append("")
            columns = _columns(character)
        chunks[-1] += character
    return chunks


def _columns(text: str) -> int:
    """Width in columns: East Asian wide characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _fill(pieces: Sequence[_Piece], indent: int) -> int:
    """How many pieces go into the next cue: all that fit, or up to the last clause end of their second half."""
    fits = _fitting(pieces, indent)
    if fits == len(pieces):
        return fits
    for count in range(fits, fits // 2, -1):
        if ends_clause(pieces[count - 1].text):
            return count
    return fits


def _fitting(pieces: Sequence[_Piece], indent: int) -> int:
    """How many pieces fit into the lines and the time of one cue; at least one."""
    lines, used = 1, indent + pieces[0].bare_columns
    for index in range(1, len(pieces)):
        if pieces[index].end_s - pieces[0].start_s > MAX_CUE_S:
            return index
        used += pieces[index].columns
        if used > LINE_COLUMNS:
            lines, used = lines + 1, pieces[index].bare_columns
        if lines > LINES:
            return index
    return len(pieces)


def _lines(pieces: Sequence[_Piece], indent: int) -> tuple[str, ...]:
    """The pieces on one line where they fit, else on two of most even width."""
    ends = list(accumulate((piece.columns for piece in pieces), initial=indent))
    if ends[-1] <= LINE_COLUMNS or len(pieces) == 1:
        return (_joined(pieces),)
    cut = min(range(1, len(pieces)), key=lambda cut: max(ends[cut], ends[-1] - ends[cut]))
    return _joined(pieces[:cut]), _joined(pieces[cut:])


def _joined(pieces: Iterable[_Piece]) -> str:
    return "".join(piece.text for piece in pieces).strip()


def _times(spans_s: Sequence[tuple[float, float]], duration_s: float) -> list[tuple[int, int]]:
    """Whole milliseconds, every cue at least one and at most MAX_CUE_S long and over when the next begins.

    Cues that start together are moved on by a millisecond each.
    """
    starts: list[int] = []
    for start_s, _ in spans_s:
        starts.append(max(round(start_s * 1000), starts[-1] + 1 if starts else 0))
    limits = [after for _, after in pairwise(starts)]
    limits.append(max(round(duration_s * 1000), starts[-1] + 1 if starts else 0))
    return [
        (start, min(max(round(end_s * 1000), start + MIN_CUE_MS), start + round(MAX_CUE_S * 1000), limit))
        for start, (_, end_s), limit in zip(starts, spans_s, limits, strict=False)
    ]
