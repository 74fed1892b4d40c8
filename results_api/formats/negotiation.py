"""The forms a transcript comes in, and which one a request wants (RFC 9110, section 12). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from polyvox.contracts import Transcript
from polyvox.http import Problem
from results_api.formats import markdown, render, subtitles, tables, tiers
from results_api.formats.style import Style

Format = Literal["json", "text", "srt", "vtt", "rttm", "csv", "tsv", "markdown", "textgrid", "eaf"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "text": "text/plain",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "rttm": "text/x-rttm",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "markdown": "text/markdown",
    "textgrid": "text/praat-textgrid",
    "eaf": "text/x-eaf+xml",
}
"""In the order of preference where a request leaves it open."""

STYLED: frozenset[Format] = frozenset({"text", "srt", "vtt", "csv", "tsv", "markdown"})
"""Those that a style makes a difference to."""

RENDERERS: dict[Format, Callable[[Transcript, Style], str]] = {
    "json": lambda transcript, _style: transcript.model_dump_json(),
    "text": render.text,
    "srt": subtitles.srt,
    "vtt": subtitles.vtt,
    "rttm": render.rttm,
    "csv": tables.comma_separated,
    "tsv": tables.tab_separated,
    "markdown": markdown.markdown,
    "textgrid": tiers.textgrid,
    "eaf": tiers.elan,
}

_CHOICES = ", ".join(f"{name} ({media_type})" for name, media_type in MEDIA_TYPES.items())


def content_type(form: Format) -> str:
    media_type = MEDIA_TYPES[form]
    return media_type if form == "json" else f"{media_type}; charset=utf-8"


def wanted(form: str | None, accept: str | None) -> Format:
    """``form`` is the parameter, which goes before the header.

    Raises:
        Problem: 400 for a ``form`` that there is not, 406 when nothing there is is accepted.
    """
    if form is not None:
        if form not in MEDIA_TYPES:
            detail = f"There is no format {form!r}. Give one of these as ?format=: {', '.join(MEDIA_TYPES)}."
            raise Problem(400, "unknown-format", "Unknown format", detail, members={"formats": list(MEDIA_TYPES)})
        return form
    found = accepted(accept)
    if found is None:
        detail = f"A transcript comes as {_CHOICES}. Accept one of these, or give ?format=."
        raise Problem(406, "not-acceptable", "Not acceptable", detail, members={"formats": list(MEDIA_TYPES)})
    return found


def accepted(accept: str | None) -> Format | None:
    """The format that an Accept header likes best; None when it takes none."""
    if not accept or not accept.strip():
        return "json"
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    best: Format | None = None
    best_quality = 0.0
    for form, media_type in MEDIA_TYPES.items():
        # The most specific range that names a type decides about it.
        matching = [(rank, quality) for name, quality in ranges if (rank := _rank(name, media_type)) is not None]
        quality = max(matching)[1] if matching else 0.0
        if quality > best_quality:
            best, best_quality = form, quality
    return best


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name, quality


def _rank(name: str, media_type: str) -> int | None:
    """How exactly a range names a type; None when it does not."""
    if name == media_type:
        return 2
    if name == f"{media_type.partition('/')[0]}/*":
        return 1
    return 0 if name == "*/*" else None
