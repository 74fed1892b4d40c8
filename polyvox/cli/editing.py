"""A transcript as a file that people edit, and what they changed in it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from polyvox.contracts import Transcript
from polyvox.errors import Invalid

HEAD = """\
# polyvox correct {media_id} {etag}
# Change texts and names, and leave what stands before the bars. Without a text a segment is removed;
# lines that are deleted change nothing.

"""
_HEAD = re.compile(r"# polyvox correct (\S+) (\S+)\s*")
_SEGMENT = re.compile(r"(\d+) \|(.*)")
_SPEAKER = re.compile(r"(\S+) = \|(.*)")


@dataclass(frozen=True, slots=True)
class Edited:
    """What a file says; ``etag`` is of the version that it was made of."""

    media_id: str
    etag: str
    segments: dict[int, str] = field(default_factory=dict)
    speakers: dict[str, str] = field(default_factory=dict)


def editable(transcript: Transcript, etag: str) -> str:
    lines = [f"{speaker.id} = | {speaker.label}" for speaker in transcript.speakers]
    names = {speaker.id: speaker.label for speaker in transcript.speakers}
    last: str | None = None
    for segment in transcript.segments:
        if segment.speaker != last or segment.id == 0:
            minutes, seconds = divmod(segment.start, 60)
            lines.append(f"\n# {names.get(segment.speaker or '', 'Somebody')}, {int(minutes)}:{seconds:04.1f}")
        last = segment.speaker
        lines.append(f"{segment.id} | {' '.join(segment.text.split())}")
    return HEAD.format(media_id=transcript.media_id, etag=etag) + "\n".join(lines) + "\n"


def read(text: str) -> Edited:
    """What ``editable`` wrote and somebody edited.

    Raises:
        Invalid: it is no such file, or a line of it cannot be read.
    """
    lines = text.lstrip("\ufeff").splitlines()
    head = _HEAD.fullmatch(lines[0]) if lines else None
    if head is None:
        raise Invalid("this is no file of `polyvox correct`: its first line says which transcript it is of")
    edited = Edited(head[1], head[2])
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or line.startswith("#"):
            continue
        if segment := _SEGMENT.fullmatch(line):
            edited.segments[int(segment[1])] = segment[2].strip()
        elif speaker := _SPEAKER.fullmatch(line):
            edited.speakers[speaker[1]] = speaker[2].strip()
        else:
            raise Invalid(f"line {number} cannot be read: write NUMBER | TEXT, or SPEAKER = | NAME")
    return edited


def changes(before: Edited, after: Edited) -> Edited:
    """What of ``after`` is not as it was. A name that is emptied is taken away."""
    return Edited(
        after.media_id,
        after.etag,
        {id: text for id, text in after.segments.items() if before.segments.get(id) != text},
        {id: name for id, name in after.speakers.items() if before.speakers.get(id) != name},
    )
