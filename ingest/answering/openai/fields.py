"""The form fields of OpenAI's audio routes, read into what we understand. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.answering.openai.models import DIARIZING, own_name
from ingest.upload import refusals
from ingest.upload.options import Known, check_options
from ingest.upload.wanted import Wanted
from polyvox.contracts import Options
from polyvox.http import Problem
from polyvox.languages import NAMES

Task = Literal["transcribe", "translate"]

FORMATS: dict[Task, tuple[str, ...]] = {
    "transcribe": ("json", "text", "srt", "verbose_json", "vtt", "diarized_json"),
    "translate": ("json", "text", "srt", "verbose_json", "vtt"),
}
STREAMED = ("json", "text", "diarized_json")
GRANULARITIES = ("segment", "word")
OPTIONS = ("prompt", "temperature", "num_speakers", "min_speakers", "max_speakers", "keep_suspects")
"""Passed on as they are. The speakers and suspects are ours."""
LISTS = ("timestamp_granularities", "include", "keywords", "languages")
SINGLE = ("model", "language", "response_format", "stream", "diarize", *OPTIONS)
HINTS = ("chunking_strategy", "api-version")
"""Say how OpenAI's servers should do their work; the pipeline always cuts where nobody speaks."""
UNSUPPORTED = ("known_speaker_names", "known_speaker_references")

_CODES = {name: code for code, name in NAMES.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is done with the recording, and how the answer looks."""

    wanted: Wanted = field(default_factory=Wanted)
    response_format: str = "json"
    stream: bool = False
    granularities: tuple[str, ...] = ("segment",)
    logprobs: bool = False


def read(fields: Sequence[tuple[str, str]], task: Task, known: Known) -> Asked:
    """What the fields, as (name, value), ask for.

    Raises:
        Problem: 400, a field that is unknown, given twice or has a value that is not valid; 404, an unknown model.
    """
    single, lists = _sorted(fields)
    response_format = _choice(single, "response_format", FORMATS[task], "json")
    stream = _truth(single, "stream")
    if stream and response_format not in STREAMED:
        raise refusals.bad_option(
            f"response_format {response_format} cannot be streamed; stream takes {', '.join(STREAMED)}.", "stream"
        )
    granularities = _several(lists, "timestamp_granularities", GRANULARITIES)
    if granularities and response_format != "verbose_json":
        raise refusals.bad_option(
            "timestamp_granularities needs response_format verbose_json.", "timestamp_granularities"
        )
    return Asked(
        wanted=Wanted(_options(single, lists, task, response_format, known)),
        response_format=response_format,
        stream=stream,
        granularities=granularities or ("segment",),
        logprobs="logprobs" in _several(lists, "include", ("logprobs",)),
    )


def _options(
    single: dict[str, str], lists: dict[str, list[str]], task: Task, response_format: str, known: Known
) -> Options:
    values: dict[str, Any] = {name: single[name] for name in OPTIONS if name in single}
    named = single.get("model")
    model = own_name(named, known) if named else None
    if model is not None:
        values["model"] = model
    languages = [single["language"]] if "language" in single else lists.get("languages", [])
    codes = [_CODES.get(language.strip().lower(), language.strip().lower()) for language in languages]
    if len(codes) == 1:
        values["language"] = codes[0]
    elif codes:
        values["languages"] = codes
    if keywords := lists.get("keywords"):
        values["prompt"] = " ".join(filter(None, [values.get("prompt", ""), f"{', '.join(keywords)}."]))
    wants_speakers = response_format == "diarized_json" or named == DIARIZING
    diarize = wants_speakers or _truth(single, "diarize")
    return check_options(values, {}, known, {"task": task, "diarize": diarize})


def _sorted(fields: Sequence[tuple[str, str]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Fields that come once, and lists; an empty value is no value."""
    single: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for given, value in fields:
        name = given.removesuffix("[]")
        if name in LISTS:
            lists.setdefault(name, []).extend([value] if value.strip() else [])
        elif name in UNSUPPORTED:
            raise _unsupported(name)
        elif name.partition("[")[0] in HINTS:
            continue
        elif name not in SINGLE:
            raise _unknown(name)
        elif name in single:
            raise refusals.bad_option(f"The field {name} is given twice. Give it once.", name)
        elif value.strip():
            single[name] = value
    return single, lists


def _choice(single: dict[str, str], name: str, choices: Collection[str], default: str) -> str:
    value = single.get(name, default).strip()
    if value not in choices:
        raise refusals.bad_option(f"Invalid value: '{value}'. Supported values are: {', '.join(choices)}.", name)
    return value


def _several(lists: dict[str, list[str]], name: str, choices: Collection[str]) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(value.strip() for value in lists.get(name, ())))
    for value in values:
        if value not in choices:
            raise refusals.bad_option(f"Invalid value: '{value}'. Supported values are: {', '.join(choices)}.", name)
    return values


def _truth(single: dict[str, str], name: str) -> bool:
    value = single.get(name, "false").strip().lower()
    if value not in ("true", "false", "1", "0"):
        raise refusals.bad_option(f"Invalid value: '{value}'. {name} is true or false.", name)
    return value in ("true", "1")


def _unsupported(name: str) -> Problem:
    return Problem(
        400,
        "unsupported-parameter",
        "A parameter is not supported",
        f"{name} is not supported here: speakers are told apart by their voices alone. Leave it out.",
        members={"option": name},
    )


def _unknown(name: str) -> Problem:
    return Problem(
        400,
        "unknown-parameter",
        "A parameter is not known",
        f"Unknown parameter: '{name}'. Known are: {', '.join(('file', *SINGLE, *LISTS))}.",
        members={"option": name},
    )
