"""The form fields of the simple routes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.upload import refusals
from ingest.upload.options import Known, read_options
from ingest.upload.wanted import Wanted
from polyvox.languages import NAMES

WORDS = "word_timestamps"
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")

_CODES = {name: code for code, name in NAMES.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """``words``: with the times of words."""

    wanted: Wanted = field(default_factory=Wanted)
    words: bool = False


def read(fields: Sequence[tuple[str, str]], known: Known, *, diarize: bool = True) -> Asked:
    """What the fields, as (name, value), ask for: all options of an upload, and ``word_timestamps``.

    ``diarize`` is what goes where they do not say. Languages may be given by their English names.

    Raises:
        Problem: 400, a field that is unknown, given twice or has a value that is not valid.
    """
    wishes = [value.strip().lower() for name, value in fields if name == WORDS]
    if len(wishes) > 1:
        raise refusals.bad_option(f"The field {WORDS} is given twice. Give it once.", WORDS)
    if wishes and wishes[0] not in (*TRUE, *FALSE):
        raise refusals.bad_option(f"{WORDS} is true or false, not {wishes[0]!r}.", WORDS)
    others = [(name, _coded(name, value)) for name, value in fields if name != WORDS]
    if not any(name == "diarize" and value.strip() for name, value in others):
        others.append(("diarize", "true" if diarize else "false"))
    return Asked(Wanted(read_options(others, known)), words=bool(wishes) and wishes[0] in TRUE)


def _coded(name: str, value: str) -> str:
    return _CODES.get(value.strip().lower(), value) if name == "language" else value
