"""What the API answers about corrections, as pydantic models. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from polyvox.contracts import Correction, Transcript, UnplacedCorrection
from results_api.corrections.correcting import is_told
from results_api.corrections.making import id_of_taking_back
from results_api.database.recording import Recording

State = Literal["publishing", "published", "taken-back"]


class SegmentChange(BaseModel):
    start: float
    end: float
    before: str
    after: str = Field(description="Empty: removed.")
    placed: bool = Field(True, description="False: the current version has it among `unplaced` only.")


class SpeakerChange(BaseModel):
    speaker: str
    name: str | None
    placed: bool = Field(True, description="False: nobody in the current version is that speaker.")


class CorrectionDocument(BaseModel):
    """One correction. Nothing of it is listed when its stored text is lost."""

    correction_id: str
    state: State = Field(description="publishing: the version with it is being made.")
    version: int = Field(description="The version that was looked at.")
    author: str | None
    corrected_at: datetime
    taken_back_at: datetime | None = None
    segments: list[SegmentChange] = []
    speakers: list[SpeakerChange] = []
    href: str


class CorrectionPage(BaseModel):
    """``next_cursor`` null: there are no more."""

    items: list[CorrectionDocument]
    next_cursor: str | None = None


def documents(
    recording: Recording, found: Mapping[str, Correction], ids: Sequence[str], shown: Transcript | None
) -> list[CorrectionDocument]:
    """Of ``ids``, in their order. ``shown`` is the current version."""
    unplaced = shown.unplaced if shown else []
    return [
        _document(recording, found.get(id) or Correction(media_id=recording.media_id, correction=id), unplaced)
        for id in ids
    ]


def _document(
    recording: Recording, correction: Correction, unplaced: Sequence[UnplacedCorrection]
) -> CorrectionDocument:
    id = correction.correction
    told = recording.view.corrections[id].data
    back = recording.view.corrections.get(id_of_taking_back(recording.media_id, id))
    latest = back.data.correction if back else id
    state: State = "publishing" if not is_told(recording, latest) else "taken-back" if back else "published"
    of_this = [one for one in unplaced if one.correction == id]
    return CorrectionDocument(
        correction_id=id,
        state=state,
        version=told.version,
        author=correction.author,
        corrected_at=told.corrected_at,
        taken_back_at=back.data.corrected_at if back else None,
        segments=[
            SegmentChange(
                **one.model_dump(),
                placed=not any(
                    (other.start, other.end, other.after) == (one.start, one.end, one.after) for other in of_this
                ),
            )
            for one in correction.segments
        ],
        speakers=[
            SpeakerChange(
                speaker=one.speaker, name=one.name, placed=not any(other.speaker == one.speaker for other in of_this)
            )
            for one in correction.speakers
        ],
        href=f"/v1/media/{recording.media_id}/transcript/corrections/{id}",
    )
