"""A transcript as a table of segments: CSV (RFC 4180) and TSV. Pure."""

from __future__ import annotations

import csv
import io

from polyvox.contracts import Transcript
from results_api.formats.style import USUAL, Style
from results_api.merge.speakers import labels

HEAD = ("start", "end", "speaker", "text")


def comma_separated(transcript: Transcript, style: Style = USUAL) -> str:
    """Seconds with a point, one row for each segment; quoted where need be."""
    names = labels(transcript)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for segment in transcript.segments:
        speaker = names.get(segment.speaker, segment.speaker) if segment.speaker and style.speakers else ""
        writer.writerow((f"{segment.start:.3f}", f"{segment.end:.3f}", speaker, segment.text))
    return out.getvalue()


def tab_separated(transcript: Transcript, style: Style = USUAL) -> str:
    """As Whisper writes TSV, in whole milliseconds and without quotes, with a column for the speaker."""
    names = labels(transcript)
    lines = ["\t".join(HEAD)]
    for segment in transcript.segments:
        speaker = names.get(segment.speaker, segment.speaker) if segment.speaker and style.speakers else ""
        cells = (str(round(segment.start * 1000)), str(round(segment.end * 1000)), speaker, segment.text)
        lines.append("\t".join(" ".join(cell.split()) for cell in cells))
    return "\n".join(lines) + "\n"
