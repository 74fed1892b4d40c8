"""Cuts a transcript into subtitle cues: short lines, a few seconds each, never two at a time. Pure.

Sentences of one speaker that follow each other are cut together, by the way through them that costs least: cues end
with sentences, else with clauses; none holds a single word of a sentence, is too short to be seen or too fast to be
read, as far as lines and times allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from polyvox.contracts import Transcript
from results_api.formats.lines import Row, breaks
from results_api.formats.pieces import Piece, pieces
from results_api.formats.style import USUAL, Style, columns
from results_api.merge.speakers import labels
from results_api.merge.writing import is_unspaced

PAUSE_S = 1.0
"""Sentences that are further apart share no cue."""

CUE, INSIDE_CLAUSE, CLAUSE, TWO_SENTENCES, SHORT, FAST, LONELY = 0.5, 2.0, 0.8, 1.2, 3.0, 1.5, 100.0
"""What a cue costs by itself; for ending within a clause or after one; for each sentence that ends inside it; for not
having its least time; for being twice as fast as can be read; for a single word of a sentence."""


@dataclass(frozen=True, slots=True)
class Cue:
    """``speaker`` is a label; ``new_speaker``: somebody else spoke in the cue before.

    ``pieces`` are the lines in pieces, with the times of words.
    """

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    speaker: str | None
    new_speaker: bool
    pieces: tuple[tuple[Piece, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """What one speaker says without a long pause; ``next_s`` is when something else is said."""

    speaker: str | None
    row: Row
    indent: int
    next_s: float


def cues(transcript: Transcript, style: Style = USUAL, *, show_speakers: bool = False) -> list[Cue]:
    """Cues in order, none overlapping or empty, that hold all the words.

    With ``show_speakers`` room is kept for the speaker's label before the first line of a
    cue that changes the speaker.
    """
    width = style.columns_for(transcript)
    drafts: list[tuple[list[list[Piece]], str | None, bool]] = []
    shown: str | None = None
    for run in _runs(transcript, width, show_speakers=show_speakers):
        for start, end in _cut(run, style, width):
            indent = run.indent if start == 0 else 0
            cuts = breaks(run.row, start, end, lines=style.lines, columns=width, indent=indent)
            edges = [start, *cuts, end]
            lines = [list(run.row.pieces[first:last]) for first, last in pairwise(edges)]
            drafts.append((lines, run.speaker, run.speaker != shown))
            shown = run.speaker
    spans = [(lines[0][0].start_s, lines[-1][-1].end_s, _columns(lines)) for lines, _, _ in drafts]
    times = _times(spans, style, transcript.duration)
    return [
        Cue(
            start_ms=start_ms,
            end_ms=end_ms,
            lines=tuple("".join(piece.text for piece in line).strip() for line in lines),
            speaker=speaker,
            new_speaker=new_speaker,
            pieces=tuple(map(tuple, lines)),
        )
        for (start_ms, end_ms), (lines, speaker, new_speaker) in zip(times, drafts, strict=True)
    ]


def shortened(label: str, line_columns: int) -> str:
    """A label that leaves half of its line to what is said."""
    if columns(f"{label}: ") <= line_columns // 2:
        return label
    kept = ""
    for character in label:
        if columns(f"{kept}{character}…: ") > line_columns // 2:
            break
        kept += character
    return f"{kept}…"


def _runs(transcript: Transcript, width: int, *, show_speakers: bool) -> Iterable[_Run]:
    names = labels(transcript)
    runs: list[tuple[str | None, list[Piece]]] = []
    for segment in transcript.segments:
        speaker = names.get(segment.speaker, segment.speaker) if segment.speaker else None
        said = pieces(segment, width)
        if not said:
            continue
        if runs and runs[-1][0] == speaker and said[0].start_s - runs[-1][1][-1].end_s <= PAUSE_S:
            # The space between two sentences, where their script has one.
            last = runs[-1][1][-1]
            runs[-1][1][-1] = _spaced(last, said[0])
            runs[-1][1].extend(said)
        else:
            runs.append((speaker, said))
    shown: str | None = None
    for index, (speaker, said) in enumerate(runs):
        labelled = show_speakers and speaker is not None and speaker != shown
        indent = columns(f"{shortened(speaker, width)}: ") if labelled and speaker else 0
        next_s = runs[index + 1][1][0].start_s if index + 1 < len(runs) else transcript.duration
        shown = speaker
        yield _Run(speaker, Row(said), indent, next_s)


def _spaced(last: Piece, following: Piece) -> Piece:
    if last.text[-1:].isspace() or is_unspaced(last.text[-1]) or is_unspaced(following.text[0]):
        return last
    return replace(last, text=f"{last.text} ", space=1)


def _cut(run: _Run, style: Style, width: int) -> list[tuple[int, int]]:
    """The cheapest way through a run, as stretches of its pieces."""
    said = run.row.pieces
    sentences = list(accumulate((piece.ends == 2 for piece in said), initial=0))
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(said)
    for start in range(len(said)):
        for end in _ends(run, start, style, width):
            next_s = said[end].start_s if end < len(said) else run.next_s
            inside = sentences[end - 1] - sentences[start]
            price = best[start][0] + _price(run, start, end, next_s - said[start].start_s, inside, style)
            if price < best[end][0]:
                best[end] = (price, start)
    cuts: list[tuple[int, int]] = []
    end = len(said)
    while end:
        start = best[end][1]
        cuts.append((start, end))
        end = start
    return cuts[::-1]


def _ends(run: _Run, start: int, style: Style, width: int) -> Iterator[int]:
    """Where a cue that begins at ``start`` may end: while its lines and its time take one piece more."""
    said, row = run.row.pieces, run.row
    yield start + 1
    lines, line = 1, start
    taken = run.indent if start == 0 else 0
    for end in range(start + 2, len(said) + 1):
        if row.columns(line, end) + (taken if line == start else 0) > width:
            lines, line = lines + 1, end - 1
        if lines > style.lines or said[end - 1].end_s - said[start].start_s > style.max_s:
            return
        yield end


def _price(run: _Run, start: int, end: int, time_s: float, sentences: int, style: Style) -> float:
    """``time_s``: until the next cue begins; ``sentences`` end before the cue does."""
    said = run.row.pieces
    price = CUE + TWO_SENTENCES * sentences
    if end < len(said):
        price += (INSIDE_CLAUSE, CLAUSE, 0.0)[said[end - 1].ends]
    if time_s < style.min_s:
        price += SHORT * (1.0 - max(time_s, 0.0) / style.min_s)
    needed_s = run.row.columns(start, end) / style.columns_per_s
    if needed_s > time_s:
        price += FAST * min(needed_s / max(time_s, 0.001) - 1.0, 2.0)
    is_part = (start > 0 and said[start - 1].ends != 2) or said[start].ends != 2
    return price + (LONELY if end == start + 1 and is_part else 0.0)


def _columns(lines: Sequence[Sequence[Piece]]) -> int:
    return sum(piece.columns + piece.space for line in lines for piece in line)


def _times(spans: Sequence[tuple[float, float, int]], style: Style, duration_s: float) -> list[tuple[int, int]]:
    """Whole milliseconds for (start in seconds, end in seconds, columns) of each cue.

    Each at least one long, at most the style's longest, and over when the next begins. Cues that start together
    are moved on by a millisecond each.
    """
    starts: list[int] = []
    for start_s, _, _ in spans:
        starts.append(max(round(start_s * 1000), starts[-1] + 1 if starts else 0))
    limits = [after for _, after in pairwise(starts)]
    limits.append(max(round(duration_s * 1000), starts[-1] + 1 if starts else 0))
    times = []
    for start, (_, end_s, width), limit in zip(starts, spans, limits, strict=False):
        readable = start + round(width / style.columns_per_s * 1000)
        wanted = max(round(end_s * 1000), start + max(style.min_ms, 1), readable)
        times.append((start, min(wanted, start + style.max_ms, limit)))
    return times
