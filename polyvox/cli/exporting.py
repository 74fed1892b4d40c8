"""Forms of a transcript on the command line: their names, the suffixes of their files, how subtitles look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

import click

from polyvox.client import TranscriptFormat

ALSO: dict[str, TranscriptFormat] = {"txt": "text", "md": "markdown"}
"""Other names, for the sake of the files."""
FORMATS = (*get_args(TranscriptFormat), *ALSO)
SUFFIXES = {"markdown": "md", "textgrid": "TextGrid"}
"""Of files, where it is not the name of the form."""

F = TypeVar("F", bound=Callable[..., Any])

_STYLE = (
    click.option(
        "--max-line-length", type=click.IntRange(10, 200), help="Columns of a line of subtitles. [42, CJK 32]"
    ),
    click.option("--max-lines", type=click.IntRange(1, 6), help="Lines of a subtitle. [2]"),
    click.option("--max-cps", type=click.FloatRange(1, 200), help="Reading speed of subtitles, columns a second. [20]"),
    click.option("--min-duration", type=click.FloatRange(0, 30), help="Least seconds of a subtitle, where it can. [1]"),
    click.option("--max-duration", type=click.FloatRange(0.5, 60), help="Most seconds of a subtitle. [7]"),
    click.option("--no-speaker-names", "speakers", flag_value=False, default=None, help="Do not say who speaks."),
    click.option("--karaoke", is_flag=True, default=None, help="Tell the time of each word, in vtt."),
)


def style_options(command: F) -> F:
    """Adds the options of subtitles; the command gets them as keyword arguments, for ``style_of``."""
    for option in reversed(_STYLE):
        command = option(command)
    return command


def style_of(**given: float | bool | None) -> dict[str, float | bool]:
    """What was given, for ``Client.export``; the server knows what is usual."""
    return {name: value for name, value in given.items() if value is not None}


def form_of(name: str) -> TranscriptFormat:
    """The form that is called ``name`` on the command line."""
    return ALSO.get(name) or cast("TranscriptFormat", name)


def suffix_of(name: str) -> str:
    """Of a file in the form that is called ``name`` on the command line, without the dot."""
    return SUFFIXES.get(name, name)
