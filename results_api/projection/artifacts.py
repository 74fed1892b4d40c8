"""Reads what the stages left in the object store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from polyvox.contracts import Diarization, PartWords, Stage, StageFailed
from polyvox.contracts.envelope import Contract
from polyvox.errors import Invalid, Transient
from polyvox.ports import ObjectStore
from results_api.database.recording import owner
from results_api.view import retakes
from results_api.view.view import RecordingView

A = TypeVar("A", bound=Contract)

AT_ONCE = 8


class ArtifactsLost(Transient):
    """Events name artifacts that are not in the store, or that cannot be read.

    ``lost`` says by slot (``diarize``, ``transcribe/3``, ``retake/NAME``) what its stage failed at if they stay lost.
    """

    def __init__(self, lost: Mapping[str, StageFailed]) -> None:
        super().__init__(" ".join(failed.reason for failed in lost.values()))
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Artifacts:
    """``lost`` as in ArtifactsLost; the others are all that the view names besides."""

    words: list[PartWords] = field(default_factory=list)
    diarization: Diarization | None = None
    retakes: list[PartWords] = field(default_factory=list)
    lost: dict[str, StageFailed] = field(default_factory=dict)


async def load(store: ObjectStore, view: RecordingView) -> Artifacts:
    """Everything the view names. Raises Unavailable when the store is in trouble."""
    names = {f"transcribe/{part}": told.data.words_key for part, told in view.transcribed.items()}
    names |= {f"retake/{name}": told.words_key for name, told in retakes.words_of(view).items()}
    if view.diarized:
        names["diarize"] = view.diarized.data.diarization_key
    bodies: dict[str, bytes | None] = {}
    slots = iter(names)
    # A few at a time: the parts of a long recording are many.
    while some := list(itertools.islice(slots, AT_ONCE)):
        bodies |= zip(some, await asyncio.gather(*(_get(store, names[slot]) for slot in some)), strict=True)
    # An hour of words takes a tenth of a second to parse.
    return await asyncio.to_thread(_parse, view, bodies)


async def _get(store: ObjectStore, key: str) -> bytes | None:
    try:
        return await store.get(key)
    except Invalid:
        # Not there, or named as nothing can be.
        return None


def _parse(view: RecordingView, bodies: Mapping[str, bytes | None]) -> Artifacts:
    found = Artifacts()
    for part in view.transcribed:
        words = _valid(bodies[f"transcribe/{part}"], PartWords)
        if words is None or words.part != part:
            found.lost[f"transcribe/{part}"] = _lost(view, "transcribe", part)
        else:
            found.words.append(words)
    for name, told in retakes.words_of(view).items():
        again = _valid(bodies[f"retake/{name}"], PartWords)
        if again is None or again.part != told.part:
            found.lost[f"retake/{name}"] = _lost(view, "transcribe", told.part)
        else:
            found.retakes.append(again)
    diarization = _valid(bodies["diarize"], Diarization) if view.diarized else None
    if view.diarized and diarization is None:
        found.lost["diarize"] = _lost(view, "diarize", None)
    return Artifacts(found.words, diarization, found.retakes, found.lost)


def _valid(body: bytes | None, kind: type[A]) -> A | None:
    """None when it is no ``kind``."""
    try:
        return None if body is None else kind.model_validate_json(body)
    except ValidationError:
        return None


def _lost(view: RecordingView, stage: Stage, part: int | None) -> StageFailed:
    what = "The speakers were found" if part is None else f"The words of part {part + 1} were written"
    return StageFailed(
        media_id=view.media_id,
        **owner(view),
        stage=stage,
        part=part,
        code="artifact-lost",
        reason=f"{what}, but the stored file is gone or damaged.",
    )
