"""A recording was accepted and its bytes are in the object store."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from polyvox.contracts.envelope import Contract, Fact
from polyvox.contracts.options import Options


class StoredObject(Contract):
    """Claim check: where the bytes lie.

    ``bucket`` None is the product's own bucket; another one is only read, and what lies there
    stays its owner's. ``version`` is the version or else the ETag that was announced.
    """

    bucket: str | None = None
    version: str | None = None
    key: str
    size_bytes: int
    sha256: str | None = None
    content_type: str = "application/octet-stream"


class Refused(Contract):
    """Why a recording will never be worked on although it was accepted, for programs and for its owner."""

    code: str
    reason: str


BYTES_PER_S = 16_000.0
"""An upload's bytes as seconds while its duration is not known: 128 kbit/s, as most lossy audio has."""


class MediaUploaded(Fact):
    TYPE: ClassVar[str] = "polyvox.media-uploaded.v1"
    TOPIC: ClassVar[str] = "media-uploaded"

    original: StoredObject
    filename: str | None = None
    options: Options = Options()
    uploaded_at: datetime
    refused: Refused | None = None
    """Found unfit when it was too late to tell whoever put it there; the normaliser fails it with this reason."""

    def weight_s(self) -> float:
        return self.original.size_bytes / BYTES_PER_S
