"""Subtitles with speakers: SubRip (SRT) and WebVTT (https://www.w3.org/TR/webvtt1/). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from polyvox.contracts import Transcript
from results_api.formats import bidi
from results_api.formats.cues import Cue, cues, shortened
from results_api.formats.pieces import Piece
from results_api.formats.style import USUAL, Style


def srt(transcript: Transcript, style: Style = USUAL) -> str:
    """SubRip. ``Speaker 1: `` stands where the speaker changes; "" without words."""
    width = style.columns_for(transcript)
    blocks = []
    for number, cue in enumerate(cues(transcript, style, show_speakers=style.speakers), start=1):
        is_named = style.speakers and cue.new_speaker and cue.speaker
        lead = f"{shortened(cue.speaker, width)}: " if is_named and cue.speaker else ""
        first, *others = cue.lines
        # SubRip knows no escapes: an arrow in the text could be taken for a time line.
        lines = [bidi.embedded(line.replace("-->", "->")) for line in (f"{lead}{first}", *others)]
        text = "\n".join(lines)
        blocks.append(f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(blocks)


def vtt(transcript: Transcript, style: Style = USUAL) -> str:
    """WebVTT with a voice tag in every cue whose speaker is known; with the times of words for karaoke."""
    return "\n".join(["WEBVTT\n", *(_vtt_cue(cue, style) for cue in cues(transcript, style))])


def _vtt_cue(cue: Cue, style: Style) -> str:
    lines = _timed(cue) if style.karaoke else [_escaped(line) for line in cue.lines]
    text = "\n".join(
        f"{bidi.RLM}{line}" if bidi.is_rtl(bare) else line for line, bare in zip(lines, cue.lines, strict=True)
    )
    voiced = f"<v {_escaped(cue.speaker)}>{text}</v>" if style.speakers and cue.speaker else text
    return f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{voiced}\n"


def _timed(cue: Cue) -> list[str]:
    """The lines with a time before each word that begins later than what is before it, and before the cue ends."""
    last_ms = cue.start_ms
    lines = []
    for pieces in cue.pieces:
        line = ""
        for piece in pieces:
            for at_s, text in _words(piece):
                at_ms = round(at_s * 1000) if at_s is not None else 0
                if last_ms < at_ms < cue.end_ms:
                    line += f"<{_clock(at_ms, '.')}>"
                    last_ms = at_ms
                line += _escaped(text)
        lines.append(line.strip())
    return lines


def _words(piece: Piece) -> Sequence[tuple[float | None, str]]:
    """The text of a piece, cut where its words begin; None: the rest of a word that began before."""
    offsets = [offset for offset, _ in piece.words]
    rest = piece.text[: offsets[0]] if offsets else piece.text
    ends = [*offsets, len(piece.text)][1:]
    begun = [(at_s, piece.text[offset:end]) for (offset, at_s), end in zip(piece.words, ends, strict=True)]
    return [(None, rest), *begun] if rest else begun


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(moment_ms: int, point: str) -> str:
    """``01:02:03,004``; hours take as many digits as they need."""
    seconds, ms = divmod(moment_ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{ms:03}"
