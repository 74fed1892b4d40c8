"""What ``/v1/uploads`` takes and gives, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ingest.parts.session import Session
from ingest.upload.option_schemas import Schema, agreement, option_schemas
from ingest.upload.options import Known
from polyvox.contracts import Lane
from polyvox.ports import PARTS_MAX, PartInfo

URLS_MAX = 1000
PartNumber = Annotated[int, Field(ge=1, le=PARTS_MAX)]
UploadOptions = Annotated[
    dict[str, JsonValue],
    Field(description="The same options as for an upload in one request."),
]


class NewUpload(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size_bytes: int = Field(ge=0, description="Size of the whole recording.")
    filename: str | None = Field(
        default=None, max_length=4096, description="Shown with the transcript; decides nothing."
    )
    content_type: str | None = Field(
        default=None, max_length=255, description="For the uploader's own use: what the recording is, its bytes decide."
    )
    options: UploadOptions = Field(default_factory=dict)
    lane: Lane = Field(default="interactive", description="Bulk work waits while there is interactive work.")


def new_upload_document(known: Known, max_bytes: int) -> Schema:
    """OpenAPI's schema of a NewUpload, to be laid over the model's own: ``known`` is what may be asked for."""
    properties = option_schemas(known)
    options = {"properties": properties, "additionalProperties": False, "allOf": agreement(known, properties)}
    size: Schema = {"type": "integer", "minimum": 1, "maximum": max_bytes}
    return {"properties": {"options": {"type": "object", **options}, "size_bytes": size}}


class StoredPart(BaseModel):
    number: PartNumber
    etag: str
    size_bytes: int = Field(ge=0)

    @classmethod
    def of(cls, part: PartInfo) -> Self:
        return cls(number=part.number, etag=part.etag, size_bytes=part.size_bytes)


class UploadState(BaseModel):
    """Where an upload in parts stands."""

    upload_id: str
    media_id: str = Field(description="Name of the recording, once the upload is completed.")
    status: Literal["open", "completed"]
    size_bytes: int | None
    part_bytes: int = Field(description="Size of every part but the last.")
    part_count: int | None
    parts: list[StoredPart] = Field(description="The parts that arrived, by number.")
    expires_at: datetime = Field(description="When an open upload is removed, or a completed one forgotten.")

    @classmethod
    def of(cls, session: Session, parts: Sequence[PartInfo]) -> Self:
        return cls(
            upload_id=session.upload_id,
            media_id=session.upload_id,
            status="open" if session.completed_at is None else "completed",
            size_bytes=session.size_bytes,
            part_bytes=session.part_bytes,
            part_count=session.part_count,
            parts=[StoredPart.of(part) for part in parts],
            expires_at=session.expires_at,
        )


class UrlsAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    numbers: list[PartNumber] = Field(min_length=1, max_length=URLS_MAX)


class WhereToPut(BaseModel):
    number: int
    url: str = Field(description="Relative to this server where it has no host.")
    size_bytes: int = Field(description="How many bytes the part must have.")


class UrlsGiven(BaseModel):
    urls: list[WhereToPut]
    expires_at: datetime


class PartSent(BaseModel):
    number: PartNumber
    etag: str | None = Field(default=None, max_length=255, description="What the answer to the PUT said.")


class Completing(BaseModel):
    parts: list[PartSent] = Field(default_factory=list, max_length=PARTS_MAX)

    def etags(self) -> dict[int, str]:
        return {part.number: part.etag for part in self.parts if part.etag is not None}
