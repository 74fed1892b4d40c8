"""Reads what the stages left in the object store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from polyvox.contracts import Diarization, PartWords, Stage, StageFailed
from polyvox.contracts.envelope import Contract
from polyvox.errors import Invalid, Transient
from polyvox.ports import ObjectStore
from results_api.database.recording import owner
from results_api.view.view import RecordingView

A = TypeVar("A", bound=Contract)


class ArtifactsLost(Transient):
    """Events name artifacts that are not in the store, or that cannot be read.

    ``lost`` says by slot (``diarize``, ``transcribe/3``) what its stage failed at if they stay lost.
    """

    def __init__(self, lost: Mapping[str, StageFailed]) -> None:
        super().__init__(" ".join(failed.reason for failed in lost.values()))
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Artifacts:
    """``lost`` as in ArtifactsLost; the others are all that the view names besides."""

    words: list[PartWords] = field(default_factory=list)
    diarization: Diarization | None = None
    lost: dict[str, StageFailed] = field(default_factory=dict)


async def load(store: ObjectStore, view: RecordingView) -> Artifacts:
    """Everything the view names. Raises Unavailable when the store is in trouble."""
    found = Artifacts()
    for part, told in view.transcribed.items():
        words = await _read(store, told.data.words_key, PartWords)
        if words is None or words.part != part:
            found.lost[f"transcribe/{part}"] = _lost(view, "transcribe", part)
        else:
            found.words.append(words)
    diarization = None
    if view.diarized:
        diarization = await _read(store, view.diarized.data.diarization_key, Diarization)
        if diarization is None:
            found.lost["diarize"] = _lost(view, "diarize", None)
    return Artifacts(found.words, diarization, found.lost)


async def _read(store: ObjectStore, key: str, kind: type[A]) -> A | None:
    """None when it is not there or is no ``kind``."""
    try:
        body = await store.get(key)
    except Invalid:
        # Not there, or named as nothing can be.
        return None
    try:
        # An hour of words takes a tenth of a second to parse.
        return await asyncio.to_thread(kind.model_validate_json, body)
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
