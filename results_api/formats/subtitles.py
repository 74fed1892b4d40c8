"""Subtitles with speakers: SubRip (SRT) and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

from polyvox.contracts import Transcript
from results_api.formats.cues import Cue, cues


def srt(transcript: Transcript) -> str:
    """SubRip. ``Speaker 1: `` stands where the speaker changes; "" without words."""
    blocks = []
    for number, cue in enumerate(cues(transcript, show_speakers=True), start=1):
        lead = f"{cue.speaker}: " if cue.new_speaker and cue.speaker else ""
        # SubRip knows no escapes: an arrow in the text could be taken for a time line.
        text = (lead + "\n".join(cue.lines)).replace("-->", "->")
        blocks.append(f"{number}\n{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(blocks)


def vtt(transcript: Transcript) -> str:
    """WebVTT with a voice tag in every cue whose speaker is known."""
    return "\n".join(["WEBVTT\n", *(_vtt_cue(cue) for cue in cues(transcript))])


def _vtt_cue(cue: Cue) -> str:
    text = "\n".join(_escaped(line) for line in cue.lines)
    voiced = f"<v {_escaped(cue.speaker)}>{text}</v>" if cue.speaker else text
    return f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}\n{voiced}\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(moment_ms: int, point: str) -> str:
    """``01:02:03,004``; hours take as many digits as they need."""
    seconds, ms = divmod(moment_ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{ms:03}"
