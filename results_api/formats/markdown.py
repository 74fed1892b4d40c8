"""A transcript as a page of Markdown for people. Pure."""

from __future__ import annotations

import re

from polyvox.contracts import Transcript
from results_api.formats.render import clock, paragraphs
from results_api.formats.style import USUAL, Style
from results_api.merge.speakers import labels
from results_api.merge.writing import join_texts

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&#])")
_LIST = re.compile(r"^(\d+)([.)]\s)|^([-+]\s)")


def markdown(transcript: Transcript, style: Style = USUAL) -> str:
    """A paragraph for what somebody says in a row, with name and time in bold before it."""
    names = labels(transcript)
    about = [f"Length {clock(transcript.duration)}"]
    if transcript.language:
        about.append(f"language {transcript.language}")
    if transcript.speakers and style.speakers:
        count = len(transcript.speakers)
        about.append(f"{count} speaker{'s' if count > 1 else ''}")
    blocks = ["# Transcript", ", ".join(about)]
    for spoken in paragraphs(transcript.segments):
        speaker = spoken[0].speaker if style.speakers else None
        label = f"{escaped(names.get(speaker, speaker))} " if speaker else ""
        said = join_texts(segment.text for segment in spoken)
        blocks.append(f"**{label}({clock(spoken[0].start)})**\n{_starting(escaped(said))}")
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text in which no character means anything to Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _starting(text: str) -> str:
    """What would begin a list at the start of a line."""
    return _LIST.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", text)
