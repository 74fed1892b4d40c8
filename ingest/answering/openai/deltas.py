"""What of a growing transcript was not sent yet. Pure.

Letters are counted, not spaces: whether a space stands between two sentences may change when the next one comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polyvox.contracts import Transcript


def settled_s(parts: Sequence[Mapping[str, Any]]) -> float:
    """Up to where all is transcribed, in seconds; ``parts`` as the status of a recording lists them."""
    end_s = 0.0
    for part in sorted(parts, key=lambda part: float(part["start"])):
        if part["status"] not in ("done", "failed"):
            break
        end_s = float(part["end"])
    return end_s


def deltas(transcript: Transcript, sent: int, until_s: float = float("inf")) -> list[str]:
    """Pieces of the text that follow the first ``sent`` letters, one for each segment or what there is of it.

    Joined with all that was sent before they are the text so far. Words that begin at ``until_s`` or later are left.
    """
    text = transcript.text
    pieces: list[str] = []
    end = _after(text, 0, sent)
    due = 0
    for segment in transcript.segments:
        words = [word for word in segment.words if word.start < until_s]
        due += sum(letters(word.word) for word in words)
        if due > sent:
            start, end = end, _after(text, end, due - sent)
            sent = due
            pieces.append(text[start:end])
        if len(words) < len(segment.words):
            break
    return pieces


def letters(text: str) -> int:
    return sum(not character.isspace() for character in text)


def _after(text: str, position: int, count: int) -> int:
    """The place behind the next ``count`` letters."""
    while count > 0 and position < len(text):
        count -= not text[position].isspace()
        position += 1
    return position
