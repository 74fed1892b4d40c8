"""Scores of turns against references, added up over recordings. Times in seconds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.scoring import SpokenTurn, annotation

COLLARS = {"der": 0.0, "der_collar": 0.25}
COMPONENTS = ("total", "confusion", "missed detection", "false alarm")


def components(reference: Sequence[SpokenTurn], found: Sequence[SpokenTurn], duration_s: float) -> dict[str, Any]:
    """What DER at both collars and JER are made of, and how many speakers there are and were found.

    Overlaps count. All of the recording is scored, also where the reference is silent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyannote.core import Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

        true, given = annotation(reference), annotation(found)
        everything = Timeline([Segment(0.0, duration_s)])
        scores: dict[str, Any] = {"speakers": len(true.labels()), "found": len(given.labels())}
        for name, collar_s in COLLARS.items():
            # pyannote.metrics counts both sides of a border together.
            metric = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=False)
            parts = metric(true, given, uem=everything, detailed=True)
            scores[name] = {part: float(parts[part]) for part in COMPONENTS}
        scores["jer"] = float(JaccardErrorRate()(true, given, uem=everything))
    return scores


def summed(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """One row for many recordings: rates in percent, weighted by speech (JER by speakers)."""
    audio_s = sum(row["audio_s"] for row in rows)
    speakers = sum(row["speakers"] for row in rows)
    return {
        "recordings": len(rows),
        "minutes": audio_s / 60,
        **{name: _rate(rows, name, COMPONENTS[1:]) for name in COLLARS},
        "confusion": _rate(rows, "der", ("confusion",)),
        "jer": 100 * sum(row["jer"] * row["speakers"] for row in rows) / speakers,
        "count_error": sum(abs(row["found"] - row["speakers"]) for row in rows) / len(rows),
        "wall_s_per_hour": 3600 * sum(row["wall_s"] for row in rows) / audio_s,
        "cpu_s_per_hour": 3600 * sum(row["cpu_s"] for row in rows) / audio_s,
        "peak_mib": max(row["peak_mib"] for row in rows),
    }


def _rate(rows: Sequence[Mapping[str, Any]], name: str, parts: Sequence[str]) -> float:
    errors = sum(row[name][part] for row in rows for part in parts)
    return float(100 * errors / sum(row[name]["total"] for row in rows))


COLUMNS = {
    "recordings": ("recordings", "d"),
    "minutes": ("minutes", ".0f"),
    "der": ("DER, %", ".1f"),
    "confusion": ("of it confusion", ".1f"),
    "der_collar": ("DER with collar, %", ".1f"),
    "jer": ("JER, %", ".1f"),
    "count_error": ("speakers off", ".2f"),
    "wall_s_per_hour": ("s per hour of audio", ".0f"),
    "cpu_s_per_hour": ("processor s per hour", ".0f"),
    "peak_mib": ("peak MiB", ".0f"),
}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a line for each group and pipeline, and one for all groups of each pipeline."""
    lines = [
        "| group | pipeline | " + " | ".join(title for title, _ in COLUMNS.values()) + " |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    groups = list(dict.fromkeys(row["group"] for row in rows))
    for group in [*groups, "all"]:
        for pipeline in dict.fromkeys(row["pipeline"] for row in rows):
            own = [row for row in rows if row["pipeline"] == pipeline and group in (row["group"], "all")]
            if own:
                figures = summed(own)
                cells = (format(figures[name], form) for name, (_, form) in COLUMNS.items())
                lines.append(f"| {group} | {pipeline} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
