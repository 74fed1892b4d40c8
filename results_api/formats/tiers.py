"""A transcript for annotators: Praat's TextGrid and ELAN's EAF, a tier for each speaker. Written by pympi. Pure."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pympi import Eaf, Elan, TextGrid

from polyvox.contracts import Transcript
from results_api.formats.style import USUAL, Style
from results_api.merge.speakers import UNKNOWN_LABEL, labels

UNDATED = "1970-01-01T00:00:00+00:00"
"""ELAN wants to know when a file was made; one transcript shall always give the same file."""

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def textgrid(transcript: Transcript, _style: Style = USUAL) -> str:
    """An interval tier of segments for each speaker. Seconds."""
    tiers = list(_tiers(transcript).items())
    end_s = max([transcript.duration, *(spoken[-1][1] for _, spoken in tiers)])
    grid = TextGrid(xmax=max(end_s, 0.001))
    for name, spoken in tiers:
        tier = grid.add_tier(name.replace('"', "'"))
        for start_s, stop_s, text in spoken:
            tier.add_interval(start_s, stop_s, text)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "out.TextGrid"
        grid.to_file(str(place))
        return place.read_text(encoding="utf-8")


def elan(transcript: Transcript, _style: Style = USUAL) -> str:
    """An alignable tier of segments for each speaker. Whole milliseconds."""
    document = Eaf(author="Polyvox")
    document.adocument["DATE"] = UNDATED
    document.remove_tier("default")
    for name, spoken in _tiers(transcript).items():
        document.add_tier(name, part=name)
        for start_s, stop_s, text in spoken:
            start_ms, stop_ms = round(start_s * 1000), round(stop_s * 1000)
            document.add_annotation(name, start_ms, max(stop_ms, start_ms + 1), text)
    text = Elan.to_string(document, pretty=True, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _tiers(transcript: Transcript) -> Mapping[str, list[tuple[float, float, str]]]:
    """(start, end, text) of what each speaker says, by label; nothing overlaps within a tier."""
    names = labels(transcript)
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    for segment in transcript.segments:
        speaker = names.get(segment.speaker or "", segment.speaker or UNKNOWN_LABEL)
        spoken = tiers.setdefault(_clean(speaker), [])
        start_s = max(segment.start, spoken[-1][1] if spoken else 0.0)
        spoken.append((start_s, max(segment.end, start_s + 0.001), _clean(segment.text)))
    return tiers


def _clean(text: str) -> str:
    return " ".join(_NOT_XML.sub("", text).split())
