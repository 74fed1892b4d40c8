"""What is asked for with an upload, as options of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from polyvox.contracts import Options
from polyvox.errors import Invalid

F = TypeVar("F", bound=Callable[..., Any])

_WISHES = (
    click.option(
        "--language", help="Spoken language, for example de, or those to choose among: en,de; found out when left out."
    ),
    click.option(
        "--task",
        type=click.Choice(["transcribe", "translate"]),
        default="transcribe",
        show_default=True,
        help="translate writes English, whatever is spoken.",
    ),
    click.option("--model", help="Model of the transcriber, for example base."),
    click.option("--engine", help="Engine of the transcriber, for example ctranslate2."),
    click.option("--no-diarize", is_flag=True, help="Words only, no speakers."),
    click.option(
        "--speakers", "num_speakers", type=click.IntRange(1, 100), help="Number of speakers, when it is known."
    ),
    click.option("--keep-suspects", is_flag=True, help="Leave words in that look made up."),
)


def wish_options(command: F) -> F:
    """Adds the options; the command gets them as keyword arguments, for ``options_of``."""
    for option in reversed(_WISHES):
        command = option(command)
    return command


def options_of(
    *,
    language: str | None,
    no_diarize: bool,
    keep_suspects: bool,
    metadata: dict[str, str] | None = None,
    **others: object,
) -> Options:
    """Raises Invalid: they contradict each other, or one of them cannot be."""
    spoken = [code.strip() for code in (language or "auto").split(",")]
    try:
        return Options.model_validate(
            {
                "language": spoken[0] if len(spoken) == 1 and spoken != ["auto"] else None,
                "languages": spoken if len(spoken) > 1 else None,
                "diarize": not no_diarize,
                "keep_suspects": True if keep_suspects else None,
                "metadata": metadata or {},
                **others,
            }
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise Invalid(f"{'.'.join(map(str, problem['loc'])) or 'options'}: {problem['msg']}") from error


def pairs(entries: Iterable[str], option: str) -> dict[str, str]:
    """``KEY=VALUE`` of an option that may be given again. Raises Invalid."""
    found = {}
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            raise Invalid(f"{option} {entry} has no value: write KEY=VALUE")
        found[key] = value
    return found
