"""The query parameters that say how subtitles look."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from results_api.formats.style import USUAL, Style


def style(
    max_line_length: Annotated[
        int | None,
        Query(
            ge=10, le=200, description="Columns of a line of subtitles; wide characters take two. 42, or 32 for CJK."
        ),
    ] = None,
    max_lines: Annotated[int, Query(ge=1, le=6, description="Lines of a cue.")] = USUAL.lines,
    max_cps: Annotated[
        float, Query(ge=1, le=200, description="Columns a second that are read; cues stay so long where they can.")
    ] = USUAL.columns_per_s,
    min_duration: Annotated[
        float, Query(ge=0, le=30, description="Least seconds of a cue, where it can.")
    ] = USUAL.min_s,
    max_duration: Annotated[float, Query(ge=0.5, le=60, description="Most seconds of a cue.")] = USUAL.max_s,
    speakers: Annotated[bool, Query(description="Name the speakers, in all forms for people.")] = True,
    karaoke: Annotated[bool, Query(description="In vtt, the time of each word.")] = False,
) -> Style:
    """Given to a route as a dependency. What is out of range is refused by FastAPI, with 422."""
    return Style(
        line_columns=max_line_length,
        lines=max_lines,
        columns_per_s=max_cps,
        min_s=min_duration,
        max_s=max_duration,
        speakers=speakers,
        karaoke=karaoke,
    )
