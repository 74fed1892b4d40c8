"""Which models there are, by our names and by OpenAI's. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from ingest.upload.options import Known
from polyvox.http import Problem

DEFAULTS = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
)
"""OpenAI's names: programs that were written for them get the default model of this server."""
DIARIZING = "gpt-4o-transcribe-diarize"
"""OpenAI's name for the one that tells speakers apart."""
PUBLISHED_S = 1_663_718_400
"""When Whisper was, as a Unix time: what is said of every model, for want of anything that programs could use."""


class Model(BaseModel):
    """One model."""

    id: str
    object: str = "model"
    created: int = PUBLISHED_S
    owned_by: str


class ModelList(BaseModel):
    """All models."""

    object: str = "list"
    data: Sequence[Model]


def models(known: Known) -> list[Model]:
    """Those that may be asked for; the default one first."""
    own = sorted(known.models or [known.default_model], key=lambda name: (name != known.default_model, name))
    return [
        *(Model(id=name, owned_by="polyvox") for name in own),
        *(Model(id=name, owned_by="openai") for name in (*DEFAULTS, DIARIZING)),
    ]


def own_name(name: str, known: Known) -> str | None:
    """What a model is called here; None is the default one.

    Raises:
        Problem: 404, there is no such model.
    """
    if name in DEFAULTS or name == DIARIZING:
        return None
    if known.models is not None and name not in known.models:
        raise unknown(name, known)
    return name


def unknown(name: str, known: Known) -> Problem:
    there = ", ".join(model.id for model in models(known))
    return Problem(
        404,
        "model-not-found",
        "There is no such model",
        f"The model '{name}' does not exist here. There are: {there}.",
        members={"option": "model"},
    )
