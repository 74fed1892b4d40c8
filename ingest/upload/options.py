"""Form fields and query parameters, made into :class:`polyvox.contracts.Options`."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, get_args

from pydantic import ValidationError

from ingest.upload import refusals
from polyvox import languages
from polyvox.contracts import Options
from polyvox.http import Problem
from polyvox.http.parameters import whole
from polyvox.settings import Settings
from polyvox.settings.remote import OPENAI
from polyvox.weights import known_models

KNOWN = tuple(Options.model_fields)
MAX_METADATA_ENTRIES = 64
MAX_METADATA_KEY_CHARS = 128
MAX_METADATA_VALUE_CHARS = 4096
MAX_FILENAME_CHARS = 255
NOTHING_FIXED: Mapping[str, Any] = {}
FOR_LANGUAGE: Mapping[str, Any] = {
    "task": "detect",
    "language": None,
    "languages": None,
    "diarize": False,
    "num_speakers": None,
    "min_speakers": None,
    "max_speakers": None,
    "prompt": None,
    "temperature": None,
}
"""What is fixed where only the language is asked for."""

_DOES = {"translate": "translate", "detect": "find out a language"}


@dataclass(frozen=True, slots=True)
class Known:
    """What an upload may ask for. ``models`` None: any name goes, for whoever runs models of their own.

    ``default_model`` is the one for uploads that name none; ``keep_suspects``: what holds for those that do not say.
    Models are those of the default engine; ``elsewhere`` has the models of engines that have others.
    """

    engines: Collection[str]
    models: Collection[str] | None = None
    default_model: str = "base"
    keep_suspects: bool | None = None
    elsewhere: Mapping[str, Collection[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        engines = get_args(Settings.model_fields["transcriber_engine"].annotation)
        local = frozenset({*known_models(), *settings.transcriber_models})
        remote = frozenset({settings.openai_model, *settings.openai_models})
        is_remote = settings.transcriber_engine == OPENAI
        # Without a key nobody could do what is asked.
        offered = [name for name in engines if name != OPENAI or is_remote or settings.openai_key is not None]
        return cls(
            engines=offered,
            models=remote if is_remote else local,
            default_model=settings.openai_model if is_remote else settings.transcriber_model,
            keep_suspects=settings.keep_suspects or None,
            elsewhere={name: remote if name == OPENAI else local for name in offered},
        )

    def models_of(self, engine: str | None) -> Collection[str] | None:
        """What an upload that names this engine, or none, may ask for."""
        return self.elsewhere.get(engine, self.models) if engine else self.models


def is_option(name: str) -> bool:
    return name in KNOWN or name.startswith("metadata.")


def read_options(fields: Sequence[tuple[str, str]], known: Known, fixed: Mapping[str, Any] = NOTHING_FIXED) -> Options:
    """Options from (name, value) pairs; an empty value is no value, as browsers send empty inputs.

    What is in ``fixed`` goes before what is given.

    Raises:
        Problem: 400, an option that is unknown, given twice, or has a value that is not valid.
    """
    values: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for name, value in fields:
        if not is_option(name):
            raise _unknown_option(name)
        if name.startswith("metadata."):
            _add_metadata(metadata, {name.removeprefix("metadata."): value})
        elif not value.strip():
            continue
        elif name == "metadata":
            _add_metadata(metadata, _metadata_object(value))
        elif name == "languages":
            # A list: with commas between, or a field for each, as forms have lists.
            values[name] = ",".join(filter(None, (values.get(name), value.strip())))
        elif name in values:
            raise refusals.bad_option(f"The option {name} is given twice. Give it once.", name)
        else:
            values[name] = value if name == "prompt" else value.strip()
    return check_options(values, metadata, known, fixed)


def check_options(
    values: Mapping[str, Any],
    metadata: Mapping[str, str],
    known: Known,
    fixed: Mapping[str, Any] = NOTHING_FIXED,
    *,
    typed: bool = False,
) -> Options:
    """Options by name, however they came. ``typed``: as JSON, where a number is no text, and true is no number.

    Raises:
        Problem: 400, an option that is unknown or has a value that is not valid.
    """
    for name in values:
        if name not in KNOWN:
            raise _unknown_option(name)
    entries: dict[str, str] = {}
    _add_metadata(entries, metadata)
    wanted: dict[str, Any] = {"keep_suspects": known.keep_suspects, **values, "metadata": entries}
    if typed:
        wanted = {name: whole(value) for name, value in wanted.items()}
    if isinstance(language := wanted.get("language"), str):
        wanted["language"] = None if language.lower() == "auto" else language.lower()
    if isinstance(some := wanted.get("languages"), str):
        wanted["languages"] = [code.strip().lower() for code in some.split(",") if code.strip()]
    engine = wanted.get("engine")
    for name, all_known in (
        ("engine", known.engines),
        ("model", known.models_of(engine if isinstance(engine, str) else None)),
    ):
        if isinstance(value := wanted.get(name), str):
            _check_known(name, value, all_known)
    try:
        options = Options.model_validate(wanted, strict=typed)
    except ValidationError as error:
        raise refusals.bad_option(_explain(error), _blamed(error)) from error
    options = options.model_copy(update=fixed)
    if options.task == "detect":
        # Only the language is asked for: nobody would look at the speakers.
        options = options.model_copy(update={"diarize": False})
    _check_model_can(options, known.default_model)
    return options


def clean_filename(name: str | None) -> str | None:
    """The last part of a path without control and direction characters; None when nothing is left."""
    if name is None:
        return None
    visible = "".join(char for char in name if not _is_hidden(char))
    last = visible.replace("\\", "/").rstrip("/").rpartition("/")[2].strip()
    if last in ("", ".", ".."):
        return None
    if len(last) > MAX_FILENAME_CHARS:
        stem, dot, suffix = last.rpartition(".")
        kept = dot + suffix if stem and len(suffix) <= 16 else ""
        last = last[: MAX_FILENAME_CHARS - len(kept)] + kept
    return last


def _is_hidden(char: str) -> bool:
    # Cf as a whole would take the joiners of emoji and of several scripts: only what turns direction goes.
    is_direction = char in "\u200e\u200f\u061c" or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"
    return is_direction or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def _unknown_option(name: str) -> Problem:
    return refusals.bad_option(f"There is no option {name!r}. The options are: {', '.join(KNOWN)}.", name)


def _metadata_object(value: str) -> dict[str, str]:
    try:
        given = json.loads(value)
    except (ValueError, RecursionError):
        given = None
    return checked_metadata(given)


def checked_metadata(given: object) -> dict[str, str]:
    """Raises Problem: 400, it is no object of strings."""
    if not isinstance(given, dict) or not all(isinstance(item, str) for item in given.values()):
        raise refusals.bad_option(
            'metadata must be a JSON object of strings, for example {"project": "alpha"}; '
            "or send one field metadata.KEY for each."
        )
    return given


def _add_metadata(metadata: dict[str, str], more: Mapping[str, str]) -> None:
    for key, value in more.items():
        if key in metadata:
            raise refusals.bad_option(f"The metadata key {key!r} is given twice. Give it once.")
        if not 0 < len(key) <= MAX_METADATA_KEY_CHARS or len(value) > MAX_METADATA_VALUE_CHARS:
            raise refusals.bad_option(
                f"A metadata key has 1 to {MAX_METADATA_KEY_CHARS} characters and its value at most "
                f"{MAX_METADATA_VALUE_CHARS}; {key[:40]!r} does not fit."
            )
        metadata[key] = value
    if len(metadata) > MAX_METADATA_ENTRIES:
        raise refusals.bad_option(f"There may be at most {MAX_METADATA_ENTRIES} metadata entries.")


def _check_known(option: str, value: str | None, known: Collection[str] | None) -> None:
    if value is not None and known is not None and value not in known:
        raise refusals.bad_option(
            f"The {option} {value!r} is not known here. Known are: {', '.join(sorted(known))}; "
            f"leave {option} out for the default.",
            option,
        )


def _check_model_can(options: Options, default_model: str) -> None:
    model = options.model or default_model
    if options.task != "transcribe" and languages.is_english_only(model):
        raise refusals.bad_option(
            f"The model {model!r} knows English only, so it cannot {_DOES[options.task]}. "
            "Choose a model without '.en'.",
            "model",
        )
    spoken = languages.of_model(model)
    for name, codes in (("language", [options.language]), ("languages", options.languages or [])):
        for code in filter(None, codes):
            if code not in spoken:
                raise refusals.bad_option(
                    f"The model {model!r} does not know the language {code!r}. It knows: "
                    f"{', '.join(sorted(spoken))}; use 'auto' to find out which is spoken.",
                    name,
                )


def _blamed(error: ValidationError) -> str | None:
    places = error.errors()[0]["loc"]
    return str(places[0]) if places else None


def _explain(error: ValidationError) -> str:
    said = []
    for problem in error.errors():
        name = ".".join(map(str, problem["loc"]))
        reason = problem["msg"].removeprefix("Value error, ")
        if name == "language":
            reason = "use 'auto' or an ISO 639 code such as en, de or yue"
        elif name.startswith("languages"):
            name, reason = "languages", "use ISO 639 codes with commas between, such as en,de"
        said.append(f"{name}: {reason}" if name else reason)
    return f"Correct this and send it again: {'; '.join(said)}."
